/* A ReLU network: forward, backward, clipping and Adam, for a whole batch.
 *
 * Activations are stored transposed (features x batch, the batch padded to whole vectors), so that all three
 * products of a layer are one kernel: rows of A, broadcast, times vectors of B. Parameters lie as torch keeps
 * them: for each layer the weights (outputs x inputs), then the biases.
 * One file, since the compiler must see all of an update to keep its tiles in registers.
 */
#include "kernel.h"

#include <math.h>
#include <string.h>

#if defined(__AVX512F__)
#define WIDTH 16
#define ROWS 12
#elif defined(__AVX__)
#define WIDTH 8
#define ROWS 6
#else
#define WIDTH 4
#define ROWS 6
#endif
typedef float vec __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
typedef int32_t ivec __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));

static inline vec load(const float *p) { return *(const vec *)p; }
static inline void store(float *p, vec x) { *(vec *)p = x; }
static inline vec all(float x) { return (vec){0} + x; }
static inline vec where(ivec condition, vec x) { return (vec)((ivec)x & condition); }
static inline float sum_of(vec x) {
    float total = 0;
    for (int i = 0; i < WIDTH; i++) total += x[i];
    return total;
}
static inline int64_t padded(int64_t n) { return (n + WIDTH - 1) / WIDTH * WIDTH; }

/* Denormal moments of dead units make Adam several times slower. The mode holds inside a call only. */
#if defined(__SSE__)
#include <xmmintrin.h>
static unsigned flush_denormals(void) {
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040);
    return before;
}
static void restore(unsigned before) { _mm_setcsr(before); }
#else
static unsigned flush_denormals(void) { return 0; }
static void restore(unsigned before) { (void)before; }
#endif

enum epilogue { PLAIN, RELU, MASK };

/* C (rows x vecs*WIDTH) = A (rows x depth) B (depth x columns), plus a bias for each row. */
static inline __attribute__((always_inline)) void tile(int rows, int vecs, int64_t depth, const float *a,
                                                        int64_t a_row, int64_t a_column, const float *b,
                                                        int64_t b_row, float *c, int64_t c_row,
                                                        const float *bias, enum epilogue end,
                                                        const float *mask) {
    vec sum[ROWS][2];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vecs; j++) sum[i][j] = all(bias ? bias[i] : 0.0f);
    for (int64_t k = 0; k < depth; k++) {
        vec x[2];
        for (int j = 0; j < vecs; j++) x[j] = load(b + k * b_row + j * WIDTH);
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < vecs; j++) sum[i][j] += a[i * a_row + k * a_column] * x[j];
    }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vecs; j++) {
            int64_t at = i * c_row + j * WIDTH;
            vec y = sum[i][j];
            if (end == RELU) y = where(y > all(0), y);
            if (end == MASK) y = where(load(mask + at) > all(0), y);
            store(c + at, y);
        }
}

#define TILE(R, N)                                                                                          \
    tile(R, N, depth, a + i * a_row, a_row, a_column, b + j, b_row, c + i * c_row + j, c_row,               \
         bias ? bias + i : 0, end, mask ? mask + i * c_row + j : 0)
#define STRIP(N)                                                                                            \
    {                                                                                                       \
        int64_t i = 0;                                                                                      \
        for (; i + ROWS <= rows; i += ROWS) TILE(ROWS, N);                                                  \
        for (; i + 4 <= rows; i += 4) TILE(4, N);                                                           \
        for (; i < rows; i++) TILE(1, N);                                                                   \
    }
/* One function for each epilogue: `end` must be known where the tile is made. columns: whole vectors. */
#define PRODUCT(name, END)                                                                                  \
    static __attribute__((noinline)) void name(int64_t rows, int64_t columns, int64_t depth,                \
                                               const float *a, int64_t a_row, int64_t a_column,             \
                                               const float *b, int64_t b_row, float *c, int64_t c_row,      \
                                               const float *bias, const float *mask) {                      \
        const enum epilogue end = END;                                                                      \
        int64_t j = 0;                                                                                      \
        for (; j + 2 * WIDTH <= columns; j += 2 * WIDTH) STRIP(2)                                           \
        if (j < columns) STRIP(1)                                                                           \
    }
PRODUCT(product, PLAIN)
PRODUCT(product_relu, RELU)
PRODUCT(product_mask, MASK)

/* to (columns x rows) = from (rows x columns), 8 x 8 at a time where the compiler can shuffle. */
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define SHUFFLE __builtin_shufflevector
#endif
#endif
#ifdef SHUFFLE
typedef float vec8 __attribute__((vector_size(32), aligned(4), may_alias));
static void transpose_block(const float *from, int64_t from_row, float *to, int64_t to_row) {
    vec8 r[8], s[8];
    for (int i = 0; i < 8; i++) r[i] = *(const vec8 *)(from + i * from_row);
    for (int i = 0; i < 8; i += 2) {
        s[i] = SHUFFLE(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        s[i + 1] = SHUFFLE(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int i = 0; i < 8; i += 4)
        for (int k = 0; k < 2; k++) {
            r[i + 2 * k] = SHUFFLE(s[i + k], s[i + k + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            r[i + 2 * k + 1] = SHUFFLE(s[i + k], s[i + k + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    for (int i = 0; i < 4; i++) {
        *(vec8 *)(to + i * to_row) = SHUFFLE(r[i], r[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        *(vec8 *)(to + (i + 4) * to_row) = SHUFFLE(r[i], r[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}
#else
static void transpose_block(const float *from, int64_t from_row, float *to, int64_t to_row) {
    for (int j = 0; j < 8; j++)
        for (int i = 0; i < 8; i++) to[j * to_row + i] = from[i * from_row + j];
}
#endif

static void transpose(int64_t rows, int64_t columns, const float *from, int64_t from_row, float *to,
                      int64_t to_row) {
    int64_t whole_rows = rows / 8 * 8, whole_columns = columns / 8 * 8;
    for (int64_t r = 0; r < whole_rows; r += 8)
        for (int64_t c = 0; c < whole_columns; c += 8)
            transpose_block(from + r * from_row + c, from_row, to + c * to_row + r, to_row);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = r < whole_rows ? whole_columns : 0; c < columns; c++)
            to[c * to_row + r] = from[r * from_row + c];
}

static int64_t widest(const network_t *net) {
    int64_t most = 0;
    for (int64_t l = 0; l <= net->layers; l++)
        if (net->sizes[l] > most) most = net->sizes[l];
    return most;
}

static int64_t total_size(const network_t *net) {
    int64_t total = 0;
    for (int64_t l = 0; l <= net->layers; l++) total += net->sizes[l];
    return total;
}

/* Where in the working memory what is kept. As little as possible: with 256 units all of it, parameters and
 * moments included, just fits into 2 MB of cache. */
typedef struct {
    float *x, *activations; /* the batch's observations, and the values of each layer after them */
    float *one, *other;     /* layers that are not kept: of the states after, then deltas */
    float *rows;            /* a layer's inputs, batch x features */
    float *scratch, *single;
    int64_t floats;
} work_t;

static work_t work_of(const network_t *net) {
    int64_t batch = padded(net->batch), most = padded(widest(net)), total = total_size(net);
    work_t work;
    float *place = net->work;
    work.x = place;
    work.activations = place += net->sizes[0] * batch;
    work.one = place += (total - net->sizes[0]) * batch;
    work.other = place += most * batch;
    work.rows = place += most * batch;
    work.scratch = place += most * batch;
    work.single = place += most * most;
    work.floats = place + total - net->work;
    return work;
}

/* Floats of working memory that a network needs. */
EXPORT int64_t kernel_work(const network_t *net) { return work_of(net).floats; }

/* Values of `in` (inputs x batch) through all layers. If `kept`, the values of each layer go there, one after
 * the other; else to `one` and `other` in turn, and `in` may be `other`. Returns where the last ones are. */
static float *forward(const network_t *net, const float *parameters, const float *in, float *kept, float *one,
                      float *other) {
    int64_t batch = padded(net->batch);
    for (int64_t l = 0; l < net->layers; l++) {
        int64_t inputs = net->sizes[l], outputs = net->sizes[l + 1];
        const float *bias = parameters + outputs * inputs;
        float *out = kept ? kept : one;
        if (l < net->layers - 1)
            product_relu(outputs, batch, inputs, parameters, inputs, 1, in, batch, out, batch, bias, 0);
        else
            product(outputs, batch, inputs, parameters, inputs, 1, in, batch, out, batch, bias, 0);
        parameters = bias + outputs;
        in = out;
        if (kept) kept += outputs * batch;
        one = other;
        other = out;
    }
    return (float *)in;
}

static void gather(const network_t *net, const float *rows, const int64_t *slots, int64_t count, float *to) {
    int64_t batch = padded(net->batch), width = net->sizes[0];
    for (int64_t b = 0; b < count; b++) {
        const float *row = rows + slots[b] * width;
        for (int64_t k = 0; k < width; k++) to[k * batch + b] = row[k];
    }
    if (count < batch)
        for (int64_t k = 0; k < width; k++) memset(to + k * batch + count, 0, (batch - count) * sizeof(float));
}

/* Q(s, .) of slots: count x actions. */
void network_values(const network_t *net, const rows_t *rows, const int64_t *slots, int64_t count,
                    float *values) {
    int64_t batch = padded(net->batch), actions = net->sizes[net->layers];
    work_t work = work_of(net);
    gather(net, rows->observations, slots, count, work.rows);
    const float *q = forward(net, net->weights, work.rows, 0, work.one, work.other);
    for (int64_t b = 0; b < count; b++)
        for (int64_t a = 0; a < actions; a++) values[b * actions + a] = q[a * batch + b];
}

static float clip_factor(double squares, float most) {
    float factor = most / ((float)sqrt(squares) + 1e-6f);
    return factor < 1.0f ? factor : 1.0f;
}

static double sum_of_squares(const float *x, int64_t n) {
    vec sums[4] = {{0}, {0}, {0}, {0}};
    int64_t i = 0;
    for (; i + 4 * WIDTH <= n; i += 4 * WIDTH)
        for (int j = 0; j < 4; j++) {
            vec y = load(x + i + j * WIDTH);
            sums[j] += y * y;
        }
    double total = sum_of(sums[0] + sums[1]) + sum_of(sums[2] + sums[3]);
    for (; i < n; i++) total += (double)x[i] * x[i];
    return total;
}

static void scale(float *x, int64_t n, float factor) {
    for (int64_t i = 0; i < n; i++) x[i] *= factor;
}

static void clip(network_t *net) {
    if (net->clip == CLIP_GLOBAL) {
        float factor = clip_factor(sum_of_squares(net->gradients, net->parameters), net->max_norm);
        if (factor < 1.0f) scale(net->gradients, net->parameters, factor);
    } else if (net->clip == CLIP_VARIABLE) {
        float *g = net->gradients;
        for (int64_t l = 0; l < net->layers; l++) {
            int64_t counts[2] = {net->sizes[l] * net->sizes[l + 1], net->sizes[l + 1]};
            for (int k = 0; k < 2; g += counts[k++])
                scale(g, counts[k], clip_factor(sum_of_squares(g, counts[k]), net->max_norm));
        }
    }
}

/* Adam (Kingma and Ba 2015), the operations in torch's order. */
static void adam(network_t *net) {
    net->updates++;
    double t = (double)net->updates;
    float step = (float)(net->learning_rate / (1 - pow(net->beta1, t)));
    float root = (float)(1 / sqrt(1 - pow(net->beta2, t)));
    float keep2 = (float)net->beta2, take1 = (float)(1 - net->beta1), take2 = (float)(1 - net->beta2);
    float eps = (float)net->adam_eps;
    float *restrict p = net->weights, *restrict m = net->moments, *restrict v = net->squares;
    const float *restrict g = net->gradients;
    for (int64_t i = 0; i < net->parameters; i++) {
        float mean = m[i] + take1 * (g[i] - m[i]), square = keep2 * v[i] + take2 * g[i] * g[i];
        m[i] = mean;
        v[i] = square;
        p[i] -= step * mean / (sqrtf(square) * root + eps);
    }
}

/* The gradient of one layer's weights and biases. delta: outputs x batch. */
static void layer_gradient(const network_t *net, int64_t l, const float *delta, const float *rows,
                           int64_t rows_width, float *gradient, float *scratch) {
    int64_t batch = padded(net->batch), inputs = net->sizes[l], outputs = net->sizes[l + 1];
    if (inputs == rows_width) {
        product(outputs, inputs, net->batch, delta, batch, 1, rows, rows_width, gradient, inputs, 0, 0);
    } else {
        product(outputs, rows_width, net->batch, delta, batch, 1, rows, rows_width, scratch, rows_width, 0, 0);
        for (int64_t o = 0; o < outputs; o++)
            memcpy(gradient + o * inputs, scratch + o * rows_width, inputs * sizeof(float));
    }
    for (int64_t o = 0; o < outputs; o++) {
        vec total = all(0);
        for (int64_t b = 0; b < batch; b += WIDTH) total += load(delta + o * batch + b);
        gradient[inputs * outputs + o] = sum_of(total);
    }
}

/* All gradients, from the deltas of the last layer in work->one. */
static void backward(network_t *net, const work_t *work) {
    int64_t batch = padded(net->batch);
    const float *weights = net->weights + net->parameters;
    float *gradient = net->gradients + net->parameters, *delta = work->one, *spare = work->other;
    float *out = work->activations + (total_size(net) - net->sizes[0]) * batch;
    for (int64_t l = net->layers - 1; l >= 0; l--) {
        int64_t inputs = net->sizes[l], outputs = net->sizes[l + 1], wide = padded(inputs);
        weights -= outputs * inputs + outputs;
        gradient -= outputs * inputs + outputs;
        out -= outputs * batch;
        float *in = l ? out - inputs * batch : work->x;
        if (wide > inputs)
            for (int64_t b = 0; b < net->batch; b++)
                memset(work->rows + b * wide + inputs, 0, (wide - inputs) * sizeof(float));
        transpose(inputs, net->batch, in, batch, work->rows, wide);
        layer_gradient(net, l, delta, work->rows, wide, gradient, work->scratch);
        if (l) {
            product_mask(inputs, batch, outputs, weights, 1, inputs, delta, batch, spare, batch, 0, in);
            float *swap = delta;
            delta = spare;
            spare = swap;
        }
    }
}

/* The values of the states after the batch, by the target network; with Double-Q the online one picks. */
static void next_values(network_t *net, const work_t *work, const float *in, float *result) {
    int64_t batch = padded(net->batch), actions = net->sizes[net->layers], count = net->batch;
    const float *target = forward(net, net->target, in, 0, work->one, work->other);
    if (!net->double_q) {
        for (int64_t b = 0; b < count; b++) {
            float most = target[b];
            for (int64_t a = 1; a < actions; a++)
                if (target[a * batch + b] > most) most = target[a * batch + b];
            result[b] = most;
        }
        return;
    }
    float *kept = work->x; /* not filled yet, but it may be too small: the activations follow it */
    memcpy(kept, target, actions * batch * sizeof(float));
    const float *picks = forward(net, net->weights, in, 0, work->one, work->other);
    for (int64_t b = 0; b < count; b++) {
        int64_t best = 0;
        for (int64_t a = 1; a < actions; a++)
            if (picks[a * batch + b] > picks[best * batch + b]) best = a;
        result[b] = kept[best * batch + b];
    }
}

/* One gradient step on a batch. */
void network_update(network_t *net, const rows_t *rows, const batch_t *from) {
    unsigned mode = flush_denormals();
    int64_t batch = padded(net->batch), actions = net->sizes[net->layers], count = net->batch;
    work_t work = work_of(net);

    gather(net, rows->next_observations, from->last, count, work.rows);
    next_values(net, &work, work.rows, net->td_errors);
    gather(net, rows->observations, from->slots, count, work.x);
    const float *q = forward(net, net->weights, work.x, work.activations, 0, 0);

    float *delta = work.one;
    memset(delta, 0, actions * batch * sizeof(float));
    double loss = 0;
    for (int64_t b = 0; b < count; b++) {
        int64_t action = rows->actions[from->slots[b]];
        float bootstrap = (1.0f - from->final[b]) * from->discounts[b] * net->td_errors[b];
        float error = q[action * batch + b] - (from->returns[b] + bootstrap);
        float weight = (float)from->weights[b], size = fabsf(error);
        loss += weight * (size < 1 ? 0.5f * error * error : size - 0.5f);
        float slope = error < -1 ? -1 : error > 1 ? 1 : error;
        delta[action * batch + b] = weight * slope / (float)count;
        net->td_errors[b] = error;
        for (int64_t a = 0; a < actions; a++) net->values[b * actions + a] = q[a * batch + b];
    }
    net->loss_sum += loss / (double)count;
    net->loss_count++;

    backward(net, &work);
    clip(net);
    adam(net);
    restore(mode);
}

/* target = tau online + (1 - tau) target. */
void network_follow(network_t *net, float tau) {
    if (tau == 1.0f) {
        memcpy(net->target, net->weights, net->parameters * sizeof(float));
        return;
    }
    for (int64_t i = 0; i < net->parameters; i++)
        net->target[i] = net->target[i] * (1 - tau) + tau * net->weights[i];
}

/* Q(s, .) of one observation. */
void network_act(const network_t *net, const float *observation, float *values) {
    float *work = work_of(net).single;
    const float *in = observation, *parameters = net->weights;
    for (int64_t l = 0; l < net->layers; l++) {
        int64_t inputs = net->sizes[l], outputs = net->sizes[l + 1], whole = inputs / WIDTH * WIDTH;
        const float *bias = parameters + inputs * outputs;
        float *out = l == net->layers - 1 ? values : work;
        for (int64_t o = 0; o < outputs; o++) {
            const float *row = parameters + o * inputs;
            vec sums = all(0), more = all(0);
            int64_t k = 0;
            for (; k + 2 * WIDTH <= whole; k += 2 * WIDTH) {
                sums += load(row + k) * load(in + k);
                more += load(row + k + WIDTH) * load(in + k + WIDTH);
            }
            for (; k < whole; k += WIDTH) sums += load(row + k) * load(in + k);
            float total = bias[o] + (whole ? sum_of(sums + more) : 0);
            for (; k < inputs; k++) total += row[k] * in[k];
            out[o] = l < net->layers - 1 && total < 0 ? 0 : total;
        }
        parameters = bias + outputs;
        in = out;
        work += outputs;
    }
}
