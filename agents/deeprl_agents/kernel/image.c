/* Rendered frames to small gray images: weighted sums over boxes of pixels, in integers, so that they are exact.
 *
 * A small pixel is the mean of the gray (299 R + 587 G + 114 B) / 1000 over its box, rounded half up. The sums
 * are linear, so rows are added first (as raw bytes, whatever the order of the channels), then channels, then
 * columns. Bounds: 255 x 1000 x the weights of one box's rows fit into 32 bits.
 */
#include "kernel.h"

enum { RED = 299, GREEN = 587, BLUE = 114, GRAY = RED + GREEN + BLUE };

static void add_once(uint32_t *restrict sums, const uint8_t *restrict bytes, int64_t count) {
    for (int64_t i = 0; i < count; i++) sums[i] += bytes[i];
}

static void add_weighted(uint32_t *restrict sums, const uint8_t *restrict bytes, int64_t count, uint32_t weight) {
    for (int64_t i = 0; i < count; i++) sums[i] += weight * bytes[i];
}

static void gray_of_four(uint32_t *restrict gray, const uint32_t *restrict sums, int64_t width, uint32_t first,
                         uint32_t last) {
    for (int64_t x = 0; x < width; x++)
        gray[x] = first * sums[4 * x] + GREEN * sums[4 * x + 1] + last * sums[4 * x + 2];
}

static void gray_of_three(uint32_t *restrict gray, const uint32_t *restrict sums, int64_t width, uint32_t first,
                          uint32_t last) {
    for (int64_t x = 0; x < width; x++)
        gray[x] = first * sums[3 * x] + GREEN * sums[3 * x + 1] + last * sums[3 * x + 2];
}

EXPORT void image_shrink(const shrink_t *plan, const uint8_t *image, int64_t row_bytes, int64_t pixel_bytes,
                         int64_t red_first, uint8_t *target) {
    const int64_t bytes = (plan->width - 1) * pixel_bytes + 3;
    const uint32_t first = red_first ? RED : BLUE, last = red_first ? BLUE : RED;
    const double total = 2.0 * GRAY * (double)plan->row_total * (double)plan->column_total;
    uint32_t *sums = plan->sums, *gray = plan->gray;
    for (int64_t y = 0; y < plan->rows; y++) {
        const box_t box = plan->row_boxes[y];
        const uint8_t *from = image + box.first * row_bytes;
        for (int64_t i = 0; i < bytes; i++) sums[i] = 0;
        for (int64_t i = 0; i < box.count; i++, from += row_bytes) {
            const uint32_t weight = (uint32_t)plan->row_weights[box.weights + i];
            if (weight == 1)
                add_once(sums, from, bytes);
            else
                add_weighted(sums, from, bytes, weight);
        }
        if (pixel_bytes == 4)
            gray_of_four(gray, sums, plan->width, first, last);
        else
            gray_of_three(gray, sums, plan->width, first, last);
        for (int64_t x = 0; x < plan->columns; x++) {
            const box_t across = plan->column_boxes[x];
            const int32_t *weights = plan->column_weights + across.weights;
            uint64_t sum = 0;
            for (int64_t i = 0; i < across.count; i++)
                sum += (uint64_t)gray[across.first + i] * (uint32_t)weights[i];
            /* A quotient of integers this small cannot round up to the next integer. */
            target[y * plan->columns + x] =
                (uint8_t)((2.0 * (double)sum + 0.5 * total) / total);
        }
    }
}
