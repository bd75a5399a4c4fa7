/* What is drawn from a replay buffer. */
#include "kernel.h"

void replay_added(replay_t *replay, int64_t slot) {
    replay->written[slot] = 1;
    replay->added++;
    replay->pos = slot + 1 == replay->capacity ? 0 : slot + 1;
    if (replay->size < replay->capacity) replay->size++;
}

/* The same stream as numpy's legacy randint(0, size): masked rejection on 32 bits. */
void replay_draw(replay_t *replay) {
    uint32_t last = (uint32_t)(replay->size - 1), mask = last;
    for (int shift = 1; shift < 32; shift <<= 1) mask |= mask >> shift;
    bitgen_t *bits = replay->bits;
    for (int64_t b = 0; b < replay->batch; b++) {
        uint32_t value = 0;
        if (last)
            do value = bits->next_uint32(bits->state) & mask;
            while (value > last);
        replay->slots[b] = value;
        replay->weights[b] = 1.0;
    }
}

void replay_feedback(replay_t *replay, const float *td_errors, const float *values) {
    (void)replay, (void)td_errors, (void)values;
}

int64_t replay_rescore_slots(replay_t *replay, int64_t *slots) {
    (void)replay, (void)slots;
    return 0;
}

void replay_rescore(replay_t *replay, const int64_t *slots, const float *values, int64_t count) {
    (void)replay, (void)slots, (void)values, (void)count;
}
