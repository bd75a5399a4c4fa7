/* The kernel: the hot arithmetic of DQN on flat arrays, one thread, no allocation, no globals.
 *
 * network.c  forward, backward, clipping and Adam of a ReLU network     loop.c  one training step in one call
 * replay.c   what is drawn, and the trees of priorities and scores      image.c  frames to small gray images
 *
 * All memory belongs to numpy arrays that Python holds; layouts.py mirrors these structs, and the library's
 * kernel_size tells whether they still agree. Only network.c may contract and reorder floating point.
 */
#ifndef DEEPRL_KERNEL_H
#define DEEPRL_KERNEL_H

#include <stdint.h>

#if defined(__GNUC__)
#define EXPORT __attribute__((visibility("default")))
#else
#define EXPORT
#endif

/* numpy's public interface to a random stream (numpy/random/bitgen.h). */
typedef struct {
    void *state;
    uint64_t (*next_uint64)(void *);
    uint32_t (*next_uint32)(void *);
    double (*next_double)(void *);
    uint64_t (*next_raw)(void *);
} bitgen_t;

/* The columns of a replay buffer, one row for each slot. */
typedef struct {
    float *observations, *next_observations; /* slots x width */
    int64_t *actions;
    float *rewards, *dones, *timeouts;
    int64_t width;
} rows_t;

/* ---- replay.c ---------------------------------------------------------------------------------------- */

enum { REPLAY_UNIFORM = 0, REPLAY_PRIORITIZED = 1, REPLAY_RETENTION = 2 };

typedef struct {
    int64_t kind;
    int64_t batch;    /* how many to draw */
    int64_t actions;  /* how many the environment has */
    int64_t capacity; /* slots of the ring that new transitions go to */
    int64_t pos;      /* the slot that the next one goes to */
    int64_t size;     /* filled slots of the ring */
    int64_t added;    /* transitions ever added */
    rows_t *rows;
    uint8_t *written; /* slots: 1 if the row changed since the last checkpoint */
    bitgen_t *bits;
    int64_t *slots;   /* batch: what was drawn */
    double *weights;  /* batch: importance, 1 if all count the same */
} replay_t;

/* The row of `slot` was written: count it, and move pos and size on. */
void replay_added(replay_t *replay, int64_t slot);
/* Draw `batch` slots and their weights. */
void replay_draw(replay_t *replay);
/* After an update: the TD errors (batch) and values (batch x actions) of what was drawn. */
void replay_feedback(replay_t *replay, const float *td_errors, const float *values);
/* Which further slots need the values of now; at most batch of them. Returns their number. */
int64_t replay_rescore_slots(replay_t *replay, int64_t *slots);
void replay_rescore(replay_t *replay, const int64_t *slots, const float *values, int64_t count);

#endif
