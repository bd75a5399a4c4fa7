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
enum { SCORE_SOFTMAX = 0, SCORE_GREEDY = 1, SCORE_Q_GAP = 2 };
enum { MOST_LEVELS = 16, MOST_NEW = 4096 };

/* A tree in which each node has four children: the leaves are columns, padded to a multiple of four, and a
 * block holds what four nodes say of their children. Of the levels of blocks, 0 is nearest to the leaves. */
typedef struct {
    double sum[4], least[4];
} sum_block_t;

typedef struct {
    double *leaves; /* > 0, or 0 where there is none */
    sum_block_t *blocks;
    uint8_t *written; /* slots */
    int64_t levels, first[MOST_LEVELS];
} sum_tree_t;

typedef struct {
    double score[4];
    int64_t entered[4];
} score_block_t;

typedef struct {
    double *scores;   /* infinity: not known yet, or no slot */
    int64_t *entered; /* number of the transition: of equal scores, the oldest is the lowest */
    score_block_t *blocks;
    uint8_t *written; /* slots */
    int64_t levels, first[MOST_LEVELS];
} score_tree_t;

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
    int64_t fault;    /* 1: a TD error or a value was no finite number; nothing more is learned */
    /* Not for uniform draws: */
    int64_t by_priority;
    double alpha, beta, beta_steps, eps;
    double largest;       /* priority so far, before the exponent */
    sum_tree_t trees[2];  /* of the ring, of what is kept */
    /* For retention alone: */
    double omega;         /* share of the draws that are from the ring */
    int64_t scoring;
    int64_t kept;         /* filled slots of what is kept: `capacity` slots, behind the ring's */
    int64_t target;       /* the one of them that the newest transition went to */
    int64_t next;         /* the one whose turn it is to be scored anew */
    int64_t *fresh;       /* MOST_NEW: those that went there since, a ring; scored first */
    int64_t fresh_first, fresh_count;
    score_tree_t scores;
} replay_t;

/* The row of `slot` was written: count it, move pos and size on, and keep a copy where there is retention. */
void replay_added(replay_t *replay, int64_t slot);
/* Draw `batch` slots and their weights. */
void replay_draw(replay_t *replay);
/* After an update: the TD errors (batch) and values (batch x actions) of what was drawn. */
void replay_feedback(replay_t *replay, const float *td_errors, const float *values);
/* Which further slots need the values of now; at most batch of them. Returns their number. */
int64_t replay_rescore_slots(replay_t *replay, int64_t *slots);
void replay_rescore(replay_t *replay, const int64_t *slots, const float *values, int64_t count);

/* ---- network.c --------------------------------------------------------------------------------------- */

enum { MOST_LAYERS = 16 };
enum { CLIP_NONE = 0, CLIP_GLOBAL = 1, CLIP_VARIABLE = 2 };

typedef struct {
    int64_t layers, sizes[MOST_LAYERS + 1]; /* inputs, hidden units of each layer, actions */
    int64_t batch, parameters, double_q, clip;
    int64_t updates; /* of Adam */
    double learning_rate, beta1, beta2, adam_eps;
    float max_norm;
    float *weights, *target, *gradients, *moments, *squares; /* parameters each, as torch orders them */
    float *work;                                             /* kernel_work floats */
    float *td_errors, *values;                               /* of the last update: batch, batch x actions */
    double loss_sum;
    int64_t loss_count;
} network_t;

/* What an update learns from: slots of the first and last transition, n-step returns, the discount of the
 * value after them, and 1 where there is none. */
typedef struct {
    const int64_t *slots, *last;
    const double *weights;
    const float *returns, *discounts, *final;
} batch_t;

void network_update(network_t *net, const rows_t *rows, const batch_t *batch);
void network_values(const network_t *net, const rows_t *rows, const int64_t *slots, int64_t count,
                    float *values);
void network_act(const network_t *net, const float *observation, float *values);
void network_follow(network_t *net, float tau);

/* ---- loop.c ------------------------------------------------------------------------------------------ */

enum { EXPLORE_EPSILON = 0, EXPLORE_FRACTION = 1, EXPLORE_BOLTZMANN = 2 };
/* What Python tells of a step: the episode is over; by its time limit alone; choose no action yet; the rollout
 * ends here, whatever train_freq says; and no update follows. */
enum { STEP_OVER = 1, STEP_TIMEOUT = 2, STEP_PAUSE = 4, STEP_LAST = 8, STEP_NO_UPDATE = 16 };

typedef struct {
    network_t *net;
    replay_t *replay;
    bitgen_t *bits; /* exploration */
    int64_t n_steps, train_freq, gradient_steps, learning_starts, random_until, target_interval;
    int64_t step, calls, taken, updates; /* env steps; of them since the target's count began; in this rollout */
    int64_t explore;
    double gamma, tau, eps_initial, eps_final, eps_steps, total_steps, beta;
    double epsilon; /* the share of random actions at the next step */
    float *observation, *following, *beginning; /* width each: now, after the step, of the next episode */
    int64_t *last, *extra;                      /* batch each */
    float *returns, *discounts, *final;         /* batch each */
    float *action_values, *extra_values;        /* actions, batch x actions */
} loop_t;

/* ---- image.c ----------------------------------------------------------------------------------------- */

/* Which rows, or columns, of a rendered image make one of the small image, and their weights. */
typedef struct {
    int64_t first, count, weights; /* weights: where this box's begin */
} box_t;

typedef struct {
    int64_t width;         /* of the rendered image */
    int64_t rows, columns; /* of the small image */
    box_t *row_boxes, *column_boxes;
    int32_t *row_weights, *column_weights;
    int64_t row_total, column_total; /* sum of the weights of each box */
    uint32_t *sums, *gray;           /* scratch: 4 x width, width */
} shrink_t;

/* image: the lowest byte of the first pixel; pixel_bytes: 3 or 4; red_first: RGB, otherwise BGR.
 * target: rows x columns. */
void image_shrink(const shrink_t *plan, const uint8_t *image, int64_t row_bytes, int64_t pixel_bytes,
                  int64_t red_first, uint8_t *target);

#endif
