/* One training step in one call: store, copy the target, update, choose the next action.
 *
 * The order, and every draw from the random stream, are those of Stable-Baselines3's DQN.
 */
#include "kernel.h"

#include <math.h>
#include <string.h>

EXPORT const char *kernel_source(void) { return SOURCE_HASH; }

EXPORT int64_t kernel_size(int64_t which) {
    switch (which) {
        case 0: return sizeof(rows_t);
        case 1: return sizeof(replay_t);
        case 2: return sizeof(network_t);
        case 3: return sizeof(loop_t);
        case 4: return sizeof(shrink_t);
        default: return -1;
    }
}

static int64_t best_of(const float *values, int64_t count) {
    int64_t best = 0;
    for (int64_t a = 1; a < count; a++)
        if (values[a] > values[best]) best = a;
    return best;
}

/* The action of largest value in an observation. */
EXPORT int64_t kernel_greedy(const loop_t *loop, const float *observation) {
    network_act(loop->net, observation, loop->action_values);
    return best_of(loop->action_values, loop->net->sizes[loop->net->layers]);
}

/* exp(beta Q) without an exponent: the largest of beta Q plus Gumbel noise. */
static int64_t boltzmann(loop_t *loop) {
    int64_t actions = loop->net->sizes[loop->net->layers], best = 0;
    double most = -INFINITY;
    for (int64_t a = 0; a < actions; a++) {
        double u;
        do u = 1.0 - loop->bits->next_double(loop->bits->state);
        while (u >= 1.0);
        double score = (double)((float)loop->beta * loop->action_values[a]) - log(-log(u));
        if (score > most) most = score, best = a;
    }
    return best;
}

/* The next action; -1: a random one is due, which Python draws. */
EXPORT int64_t kernel_choose(loop_t *loop) {
    if (loop->step < loop->random_until) return -1;
    if (loop->explore == EXPLORE_BOLTZMANN) {
        network_act(loop->net, loop->observation, loop->action_values);
        return boltzmann(loop);
    }
    if (loop->bits->next_double(loop->bits->state) < loop->epsilon) return -1;
    return kernel_greedy(loop, loop->observation);
}

static double epsilon(const loop_t *loop) {
    double start = loop->eps_initial, end = loop->eps_final;
    if (loop->explore == EXPLORE_BOLTZMANN) return 0;
    if (loop->explore == EXPLORE_EPSILON) {
        double done = (double)loop->step / loop->eps_steps;
        return start + (done < 1 ? done : 1) * (end - start);
    }
    double left = 1.0 - (double)loop->step / loop->total_steps; /* Stable-Baselines3's schedule */
    if (1 - left > loop->eps_steps) return end;
    return start + (1 - left) * (end - start) / loop->eps_steps;
}

/* Sum up to n rewards from each slot on: to the end of its episode, or to the newest transition. */
static void sum_rewards(loop_t *loop) {
    const replay_t *replay = loop->replay;
    const rows_t *rows = replay->rows;
    int64_t newest = (replay->pos ? replay->pos : replay->capacity) - 1;
    float gamma = (float)loop->gamma;
    for (int64_t b = 0; b < replay->batch; b++) {
        int64_t slot = replay->slots[b];
        float total = rows->rewards[slot], power = gamma;
        for (int64_t k = 1; k < loop->n_steps; k++) {
            if (rows->dones[slot] != 0 || rows->timeouts[slot] != 0 || slot == newest) break;
            if (++slot == replay->capacity) slot = 0;
            total += rows->rewards[slot] * power;
            power *= gamma;
        }
        loop->returns[b] = total;
        loop->discounts[b] = power;
        loop->last[b] = slot;
        loop->final[b] = rows->dones[slot] * (1 - rows->timeouts[slot]);
    }
}

static void rescore(loop_t *loop) {
    replay_t *replay = loop->replay;
    int64_t count = replay_rescore_slots(replay, loop->extra);
    if (!count) return;
    network_values(loop->net, replay->rows, loop->extra, count, loop->extra_values);
    replay_rescore(replay, loop->extra, loop->extra_values, count);
}

/* Learn from what `replay` has drawn. */
EXPORT void kernel_learn(loop_t *loop) {
    replay_t *replay = loop->replay;
    sum_rewards(loop);
    batch_t batch = {replay->slots, loop->last, replay->weights, loop->returns, loop->discounts, loop->final};
    network_update(loop->net, replay->rows, &batch);
}

EXPORT void kernel_train(loop_t *loop, int64_t updates) {
    for (int64_t k = 0; k < updates; k++) {
        replay_draw(loop->replay);
        kernel_learn(loop);
        replay_feedback(loop->replay, loop->net->td_errors, loop->net->values);
        rescore(loop);
    }
    loop->updates += updates;
}

EXPORT void kernel_values(loop_t *loop, const int64_t *slots, int64_t count, float *values) {
    network_values(loop->net, loop->replay->rows, slots, count, values);
}

/* A step was taken with an action: `following` is the state it led to. Returns the next action as kernel_choose
 * does, or -2 if none was to be chosen. */
EXPORT int64_t kernel_advance(loop_t *loop, int64_t action, double reward, int64_t flags) {
    replay_t *replay = loop->replay;
    rows_t *rows = replay->rows;
    int64_t slot = replay->pos, bytes = rows->width * (int64_t)sizeof(float);
    memcpy(rows->observations + slot * rows->width, loop->observation, bytes);
    memcpy(rows->next_observations + slot * rows->width, loop->following, bytes);
    rows->actions[slot] = action;
    rows->rewards[slot] = (float)reward;
    rows->dones[slot] = flags & STEP_OVER ? 1 : 0;
    rows->timeouts[slot] = flags & STEP_TIMEOUT ? 1 : 0;
    replay_added(replay, slot);
    memcpy(loop->observation, flags & STEP_OVER ? loop->beginning : loop->following, bytes);

    loop->step++;
    loop->taken++;
    if (++loop->calls % loop->target_interval == 0) network_follow(loop->net, (float)loop->tau);
    loop->epsilon = epsilon(loop);
    if (loop->taken >= loop->train_freq || flags & STEP_LAST) {
        loop->taken = 0;
        if (loop->step > loop->learning_starts && !(flags & STEP_NO_UPDATE))
            kernel_train(loop, loop->gradient_steps);
    }
    return flags & STEP_PAUSE ? -2 : kernel_choose(loop);
}
