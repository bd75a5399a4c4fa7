/* What is drawn from a replay buffer: by the same stream and to the same bits as the numpy twin draws.
 *
 * Trees are walked level by level for a whole piece of a batch, so that its memory accesses overlap. Parents
 * are rebuilt from their children, never by adding differences, so a root does not drift.
 * One file, since powers and trees are only fast where they are inlined into a draw.
 * Rule: every sum has a fixed order, and powers are made of +, -, *, / alone, so all levels of instructions
 * and the twin agree to the last bit.
 */
#include <math.h>
#include <string.h>

#include "kernel.h"

enum { PIECE = 128 }; /* of a batch: what is walked at once */

/* ---- Powers -------------------------------------------------------------------------------------------- */

static inline uint64_t bits_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, 8);
    return bits;
}

static inline double from_bits(uint64_t bits) {
    double x;
    memcpy(&x, &bits, 8);
    return x;
}

/* Of a normal number > 0: exponent + ln(mantissa) / ln 2, the mantissa within sqrt(1/2) .. sqrt(2). */
static inline double log2_of(double x) {
    const uint64_t half_root = 0x3FE6A09E667F3BCDull, one = 0x3FF0000000000000ull;
    uint64_t bits = bits_of(x);
    uint64_t exponent = (bits - half_root + one) >> 52;
    double m = from_bits(bits - (exponent << 52) + one);
    double e = from_bits(exponent | 0x4330000000000000ull) - 4503599627371519.0; /* 2^52 + 1023 */
    double s = (m - 1.0) / (m + 1.0), z = s * s;
    double p = 1.0 / 19;
    p = p * z + 1.0 / 17;
    p = p * z + 1.0 / 15;
    p = p * z + 1.0 / 13;
    p = p * z + 1.0 / 11;
    p = p * z + 1.0 / 9;
    p = p * z + 1.0 / 7;
    p = p * z + 1.0 / 5;
    p = p * z + 1.0 / 3;
    p = p * z + 1.0;
    return e + s * p * 2.8853900817779268; /* 2 / ln 2 */
}

/* Within 2^-1021 .. 2^1023. */
static inline double exp2_of(double x) {
    x = x < -1021.0 ? -1021.0 : x;
    x = x > 1023.0 ? 1023.0 : x;
    double shifted = x + 6755399441055744.0; /* 1.5 * 2^52: rounds to an integer, and shows it in the bits */
    double r = (x - (shifted - 6755399441055744.0)) * 0.6931471805599453;
    double p = 1.0 / 479001600;
    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    return p * from_bits((bits_of(shifted) + 1023) << 52);
}

static inline double power_of(double x, double exponent) { return exp2_of(log2_of(x) * exponent); }

/* ---- Trees --------------------------------------------------------------------------------------------- */

static inline double less_of(double a, double b) { return a < b ? a : b; }

static inline double least_leaf(double leaf) { return leaf > 0.0 ? leaf : INFINITY; }

static inline double block_sum(const double *v) { return (v[0] + v[1]) + (v[2] + v[3]); }

static inline double block_least(const double *v) {
    return less_of(less_of(v[0], v[1]), less_of(v[2], v[3]));
}

static inline double tree_total(const sum_tree_t *tree) {
    return block_sum(tree->blocks[tree->first[tree->levels - 1]].sum);
}

static inline double tree_least(const sum_tree_t *tree) {
    return block_least(tree->blocks[tree->first[tree->levels - 1]].least);
}

/* From nodes to the blocks they are in, of a level that has `all`; of equal neighbors one stays. Returns their
 * number. */
static inline int64_t go_up(int64_t *nodes, int64_t count, int64_t all) {
    int64_t kept = 0;
    if (count > all) {
        for (int64_t b = 0; b < all; b++) nodes[b] = b;
        return all;
    }
    nodes[0] >>= 2;
    for (int64_t b = 1; b < count; b++) {
        int64_t up = nodes[b] >> 2;
        kept += up != nodes[kept];
        nodes[kept] = up;
    }
    return kept + 1;
}

/* Rebuild what is above changed leaves. `nodes`: their slots; overwritten. */
static void tree_rebuild(sum_tree_t *tree, int64_t *nodes, int64_t count) {
    count = go_up(nodes, count, INT64_MAX);
    sum_block_t *blocks = tree->blocks + tree->first[0];
    for (int64_t b = 0; b < count; b++) {
        int64_t node = nodes[b];
        const double *v = tree->leaves + 4 * node;
        sum_block_t *block = blocks + (node >> 2);
        double least[4] = {least_leaf(v[0]), least_leaf(v[1]), least_leaf(v[2]), least_leaf(v[3])};
        block->sum[node & 3] = block_sum(v);
        block->least[node & 3] = block_least(least);
    }
    for (int64_t level = 1; level < tree->levels; level++) {
        count = go_up(nodes, count, tree->first[level] - tree->first[level - 1]);
        const sum_block_t *below = tree->blocks + tree->first[level - 1];
        blocks = tree->blocks + tree->first[level];
        for (int64_t b = 0; b < count; b++) {
            int64_t node = nodes[b];
            sum_block_t *block = blocks + (node >> 2);
            block->sum[node & 3] = block_sum(below[node].sum);
            block->least[node & 3] = block_least(below[node].least);
        }
    }
}

static inline double if_set(double x, int64_t set) { return from_bits(bits_of(x) & -(uint64_t)set); }

/* Which of four nodes each mass falls into, at most the `last` one; takes away the mass before it. `sums`: `width`
 * numbers for every four nodes. Without branches: no guess would be good. */
static inline __attribute__((always_inline)) void turn(const double *restrict sums, const int64_t width,
                                                       int64_t last, double *restrict masses,
                                                       int64_t *restrict nodes, int64_t count) {
    for (int64_t b = 0; b < count; b++) {
        int64_t node = nodes[b];
        double one = sums[node * width], front = one + sums[node * width + 1], three = sums[node * width + 2];
        double mass = masses[b];
        int64_t right = mass >= front;
        mass -= if_set(front, right);
        double head = from_bits(bits_of(one) ^ ((bits_of(one) ^ bits_of(three)) & -(uint64_t)right));
        int64_t second = mass >= head;
        int64_t next = 4 * node + 2 * right + second;
        masses[b] = next > last ? INFINITY : mass - if_set(head, second); /* stays at the last one from here on */
        nodes[b] = next > last ? last : next;
    }
}

/* The slots that masses within 0 .. total fall into; the first `size` have a mass. Rounding may lead beyond them,
 * where there may be no memory: then it is the last one. */
static void tree_find(const sum_tree_t *tree, int64_t size, double *masses, int64_t *slots, int64_t count) {
    for (int64_t b = 0; b < count; b++) slots[b] = 0;
    for (int64_t level = tree->levels - 1; level >= 0; level--)
        turn(tree->blocks[tree->first[level]].sum, sizeof(sum_block_t) / sizeof(double),
             (size - 1) >> (2 * level + 2), masses, slots, count);
    turn(tree->leaves, 4, size - 1, masses, slots, count);
}

static inline void tree_set_one(sum_tree_t *tree, int64_t slot, double leaf) {
    tree->leaves[slot] = leaf;
    tree->written[slot] = 1;
    tree_rebuild(tree, &slot, 1);
}

/* Scores: the lowest first, and of equal ones the oldest. */
static inline int64_t lower(double score, int64_t entered, double than, int64_t than_entered) {
    return (score < than) | ((score == than) & (entered < than_entered));
}

static inline int64_t lowest_of(const double *score, const int64_t *entered) {
    int64_t a = lower(score[1], entered[1], score[0], entered[0]);
    int64_t b = 2 + lower(score[3], entered[3], score[2], entered[2]);
    return a + ((b - a) & -lower(score[b], entered[b], score[a], entered[a]));
}

/* What a block says of a node. Returns 1 if it said something else. */
static inline int64_t score_put(score_block_t *blocks, int64_t node, double score, int64_t entered) {
    score_block_t *block = blocks + (node >> 2);
    int64_t other = (block->score[node & 3] != score) | (block->entered[node & 3] != entered);
    block->score[node & 3] = score;
    block->entered[node & 3] = entered;
    return other;
}

/* Rebuild what is above changed leaves, as far as it changes. `nodes`: their slots; overwritten. */
static void scores_rebuild(score_tree_t *tree, int64_t *nodes, int64_t count) {
    count = go_up(nodes, count, INT64_MAX);
    int64_t changed = 0;
    for (int64_t b = 0; b < count; b++) {
        int64_t node = nodes[b], best = 4 * node + lowest_of(tree->scores + 4 * node, tree->entered + 4 * node);
        nodes[changed] = node;
        changed += score_put(tree->blocks, node, tree->scores[best], tree->entered[best]);
    }
    for (int64_t level = 1; level < tree->levels && changed; level++) {
        const score_block_t *below = tree->blocks + tree->first[level - 1];
        count = go_up(nodes, changed, tree->first[level] - tree->first[level - 1]);
        changed = 0;
        for (int64_t b = 0; b < count; b++) {
            int64_t node = nodes[b], best = lowest_of(below[node].score, below[node].entered);
            nodes[changed] = node;
            changed += score_put(tree->blocks + tree->first[level], node, below[node].score[best],
                                 below[node].entered[best]);
        }
    }
}

static int64_t scores_lowest(const score_tree_t *tree) {
    int64_t node = 0;
    for (int64_t level = tree->levels - 1; level >= 0; level--) {
        const score_block_t *block = tree->blocks + tree->first[level] + node;
        node = 4 * node + lowest_of(block->score, block->entered);
    }
    return 4 * node + lowest_of(tree->scores + 4 * node, tree->entered + 4 * node);
}

/* ---- Adding -------------------------------------------------------------------------------------------- */

static void copy_row(const rows_t *rows, int64_t from, int64_t to) {
    if (rows->observations) {
        size_t bytes = (size_t)rows->width * sizeof(float);
        memcpy(rows->observations + to * rows->width, rows->observations + from * rows->width, bytes);
        memcpy(rows->next_observations + to * rows->width, rows->next_observations + from * rows->width, bytes);
    }
    rows->actions[to] = rows->actions[from];
    rows->rewards[to] = rows->rewards[from];
    rows->dones[to] = rows->dones[from];
    rows->timeouts[to] = rows->timeouts[from];
}

/* Keep the newest transition as well: in a free slot, or in place of the one with the lowest score. */
static void keep(replay_t *replay, int64_t slot, double leaf) {
    score_tree_t *scores = &replay->scores;
    int64_t target = replay->kept < replay->capacity ? replay->kept++ : scores_lowest(scores);
    replay->target = target;
    copy_row(replay->rows, slot, replay->capacity + target);
    replay->written[replay->capacity + target] = 1;
    if (replay->by_priority) tree_set_one(&replay->trees[1], target, leaf);
    scores->scores[target] = INFINITY;
    scores->entered[target] = replay->added;
    scores->written[target] = 1;
    int64_t node = target;
    scores_rebuild(scores, &node, 1);
    replay->fresh[(replay->fresh_first + replay->fresh_count) % MOST_NEW] = target;
    if (replay->fresh_count < MOST_NEW)
        replay->fresh_count++;
    else
        replay->fresh_first = (replay->fresh_first + 1) % MOST_NEW;
}

EXPORT void replay_added(replay_t *replay, int64_t slot) {
    double leaf = 0.0;
    if (replay->by_priority) {
        leaf = power_of(replay->largest, replay->alpha);
        tree_set_one(&replay->trees[0], slot, leaf);
    }
    if (replay->kind == REPLAY_RETENTION) keep(replay, slot, leaf);
    replay->written[slot] = 1;
    replay->added++;
    replay->pos = slot + 1 == replay->capacity ? 0 : slot + 1;
    if (replay->size < replay->capacity) replay->size++;
}

/* ---- Drawing ------------------------------------------------------------------------------------------- */

/* The same stream as numpy's legacy randint(0, size): masked rejection on 32 bits. */
static void draw_uniform(bitgen_t *bits, int64_t size, int64_t offset, int64_t *slots, int64_t count) {
    uint32_t last = (uint32_t)(size - 1), mask = last;
    for (int shift = 1; shift < 32; shift <<= 1) mask |= mask >> shift;
    for (int64_t b = 0; b < count; b++) {
        uint32_t value = 0;
        if (last)
            do value = bits->next_uint32(bits->state) & mask;
            while (value > last);
        slots[b] = offset + value;
    }
}

static double beta_now(const replay_t *replay) {
    if (!replay->beta_steps) return replay->beta;
    return replay->beta + (1.0 - replay->beta) * less_of(1.0, (double)replay->added / replay->beta_steps);
}

/* One item from each of `count` equal shares of the tree's mass. `scale`: P(i) of its least leaf over the
 * least P(i) of the buffer. */
static void draw_shares(replay_t *replay, int64_t half, int64_t size, double scale, int64_t start,
                        int64_t count) {
    const sum_tree_t *tree = &replay->trees[half];
    bitgen_t *bits = replay->bits;
    double total = tree_total(tree), least = tree_least(tree), exponent = -beta_now(replay);
    for (int64_t done = 0; done < count; done += PIECE) {
        int64_t some = count - done < PIECE ? count - done : PIECE;
        int64_t *slots = replay->slots + start + done;
        double *weights = replay->weights + start + done;
        double masses[PIECE];
        for (int64_t b = 0; b < some; b++) masses[b] = bits->next_double(bits->state);
        for (int64_t b = 0; b < some; b++)
            masses[b] = ((double)(done + b) + masses[b]) / (double)count * total;
        tree_find(tree, size, masses, slots, some);
        for (int64_t b = 0; b < some; b++) {
            masses[b] = tree->leaves[slots[b]];
            slots[b] += half * replay->capacity;
        }
        for (int64_t b = 0; b < some; b++) weights[b] = power_of(masses[b] / least * scale, exponent);
    }
}

EXPORT void replay_draw(replay_t *replay) {
    int64_t batch = replay->batch, from_ring = batch;
    double omega = replay->kind == REPLAY_RETENTION && replay->kept ? replay->omega : 1.0;
    if (omega < 1.0) {
        from_ring = 0;
        if (omega > 0.0)
            for (int64_t b = 0; b < batch; b++)
                from_ring += replay->bits->next_double(replay->bits->state) < omega;
    }
    if (!replay->by_priority) {
        draw_uniform(replay->bits, replay->size, 0, replay->slots, from_ring);
        draw_uniform(replay->bits, replay->kept, replay->capacity, replay->slots + from_ring,
                     batch - from_ring);
        for (int64_t b = 0; b < batch; b++) replay->weights[b] = 1.0;
        return;
    }
    double scales[2] = {1.0, 1.0};
    if (omega > 0.0 && omega < 1.0) {
        const sum_tree_t *trees = replay->trees;
        scales[0] = omega * (tree_least(&trees[0]) / tree_total(&trees[0]));
        scales[1] = (1.0 - omega) * (tree_least(&trees[1]) / tree_total(&trees[1]));
        double least = less_of(scales[0], scales[1]);
        scales[0] /= least;
        scales[1] /= least;
    }
    draw_shares(replay, 0, replay->size, scales[0], 0, from_ring);
    if (from_ring < batch)
        draw_shares(replay, 1, replay->kept, scales[1], from_ring, batch - from_ring);
}

static int64_t any_bad(const float *numbers, int64_t count) {
    int64_t bad = 0;
    for (int64_t b = 0; b < count; b++) bad |= !(fabsf(numbers[b]) < INFINITY);
    return bad;
}

/* ---- Scores -------------------------------------------------------------------------------------------- */

/* How far the action taken is from the policy of these values: count x actions. */
static void score(const replay_t *replay, const int64_t *slots, const float *values, int64_t count,
                  double *found) {
    int64_t actions = replay->actions;
    double sum[PIECE], scale[PIECE], best[PIECE], taken[PIECE], squares[PIECE];
    int64_t action[PIECE], greedy[PIECE];
    for (int64_t b = 0; b < count; b++) {
        action[b] = replay->rows->actions[slots[b]];
        best[b] = sum[b] = values[b * actions];
        greedy[b] = 0;
    }
    for (int64_t a = 1; a < actions; a++)
        for (int64_t b = 0; b < count; b++) {
            double value = values[b * actions + a];
            greedy[b] = value > best[b] ? a : greedy[b];
            best[b] = value > best[b] ? value : best[b];
            sum[b] += value;
        }
    for (int64_t b = 0; b < count; b++) {
        sum[b] /= (double)actions;
        squares[b] = taken[b] = 0.0;
    }
    for (int64_t a = 0; a < actions; a++)
        for (int64_t b = 0; b < count; b++) {
            double value = values[b * actions + a], off = value - sum[b];
            squares[b] += off * off;
            taken[b] = action[b] == a ? value : taken[b];
        }
    for (int64_t b = 0; b < count; b++) scale[b] = sqrt(squares[b] / (double)actions);
    if (replay->scoring == SCORE_GREEDY) {
        for (int64_t b = 0; b < count; b++) found[b] = greedy[b] == action[b] ? 0.0 : 2.0;
    } else if (replay->scoring == SCORE_Q_GAP) {
        for (int64_t b = 0; b < count; b++) found[b] = (best[b] - taken[b]) / (scale[b] == 0.0 ? 1.0 : scale[b]);
    } else {
        for (int64_t b = 0; b < count; b++) {
            scale[b] = scale[b] == 0.0 ? 0.0 : 1.4426950408889634 / scale[b]; /* 1 / ln 2 */
            sum[b] = squares[b] = 0.0;
        }
        for (int64_t a = 0; a < actions; a++)
            for (int64_t b = 0; b < count; b++) {
                double share = exp2_of(((double)values[b * actions + a] - best[b]) * scale[b]);
                sum[b] += share;
                squares[b] += share * share;
                taken[b] = action[b] == a ? share : taken[b];
            }
        for (int64_t b = 0; b < count; b++)
            found[b] = 1.0 - 2.0 * (taken[b] / sum[b]) + squares[b] / (sum[b] * sum[b]);
    }
}

/* Ask memory for what is needed after the scores are computed. */
static inline void fetch(const score_tree_t *tree, int64_t slot) {
    __builtin_prefetch(tree->scores + slot, 1);
    __builtin_prefetch(tree->entered + slot);
    __builtin_prefetch(tree->blocks + (slot >> 4), 1);
    __builtin_prefetch(tree->written + slot, 1);
}

/* Score those of the slots that are kept ones, in runs of them. */
static void rescore(replay_t *replay, const int64_t *slots, const float *values, int64_t count) {
    score_tree_t *tree = &replay->scores;
    int64_t done = 0;
    while (done < count) {
        int64_t some = 0;
        int64_t nodes[PIECE];
        double found[PIECE];
        while (done < count && slots[done] < replay->capacity) done++;
        for (; some < PIECE && done + some < count && slots[done + some] >= replay->capacity; some++)
            fetch(tree, nodes[some] = slots[done + some] - replay->capacity);
        if (!some) return;
        score(replay, slots + done, values + done * replay->actions, some, found);
        for (int64_t b = 0; b < some; b++) {
            tree->scores[nodes[b]] = found[b];
            tree->written[nodes[b]] = 1;
        }
        scores_rebuild(tree, nodes, some);
        done += some;
    }
}

/* ---- Feedback ------------------------------------------------------------------------------------------ */

static void prioritize(replay_t *replay, const float *td_errors) {
    double largest = replay->largest;
    for (int64_t done = 0; done < replay->batch; done += PIECE) {
        int64_t some = replay->batch - done < PIECE ? replay->batch - done : PIECE;
        double leaves[PIECE];
        int64_t nodes[2][PIECE], counts[2] = {0, 0};
        for (int64_t b = 0; b < some; b++) leaves[b] = fabs((double)td_errors[done + b]) + replay->eps;
        for (int64_t b = 0; b < some; b++) largest = leaves[b] > largest ? leaves[b] : largest;
        for (int64_t b = 0; b < some; b++) leaves[b] = power_of(leaves[b], replay->alpha);
        for (int64_t b = 0; b < some; b++) {
            int64_t slot = replay->slots[done + b], half = slot >= replay->capacity;
            slot -= half * replay->capacity;
            replay->trees[half].leaves[slot] = leaves[b];
            replay->trees[half].written[slot] = 1;
            nodes[half][counts[half]++] = slot;
        }
        for (int64_t half = 0; half < 2; half++)
            if (counts[half]) tree_rebuild(&replay->trees[half], nodes[half], counts[half]);
    }
    replay->largest = largest;
}

EXPORT void replay_feedback(replay_t *replay, const float *td_errors, const float *values) {
    int64_t retains = replay->kind == REPLAY_RETENTION;
    if (replay->by_priority) replay->fault |= any_bad(td_errors, replay->batch);
    if (retains) replay->fault |= any_bad(values, replay->batch * replay->actions);
    if (replay->fault) return;
    if (replay->by_priority) prioritize(replay, td_errors);
    if (retains) rescore(replay, replay->slots, values, replay->batch);
}

EXPORT int64_t replay_rescore_slots(replay_t *replay, int64_t *slots) {
    if (replay->kind != REPLAY_RETENTION) return 0;
    int64_t count = 0;
    while (count < replay->batch / 2 && replay->fresh_count) {
        slots[count++] = replay->capacity + replay->fresh[replay->fresh_first];
        replay->fresh_first = (replay->fresh_first + 1) % MOST_NEW;
        replay->fresh_count--;
    }
    int64_t others = replay->batch - count < replay->kept ? replay->batch - count : replay->kept;
    for (int64_t b = 0; b < others; b++) {
        if (replay->next >= replay->kept) replay->next = 0;
        slots[count++] = replay->capacity + replay->next++;
    }
    return count;
}

EXPORT void replay_rescore(replay_t *replay, const int64_t *slots, const float *values, int64_t count) {
    replay->fault |= any_bad(values, count * replay->actions);
    if (!replay->fault) rescore(replay, slots, values, count);
}
