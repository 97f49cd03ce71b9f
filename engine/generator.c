/* The kernels of a generator, and of a reader of its pictures, for WebAssembly SIMD: no libc, no allocation. program.js
   lays out the memory and passes addresses; engine/pack.py says which kernels a network is made of.
   `python -m engine.build` compiles this file.

   A map is [c][h][pitch]: pitch is the width, rounded up to a multiple of 4; what stands in the columns behind the
   width is never read as a pixel. Maps have room for a multiple of 4 channels and for SPARE floats behind the last. */
#include <wasm_simd128.h>
#define EXPORT(name) __attribute__((export_name(#name)))
#define INLINE static inline __attribute__((always_inline))
#define MADD(a, b, c) wasm_f32x4_add(wasm_f32x4_mul(a, b), c)
#define SPLAT wasm_f32x4_splat
#define LOAD wasm_v128_load
#define STORE wasm_v128_store
typedef v128_t V;

INLINE float summed(V x) {
    return wasm_f32x4_extract_lane(x, 0) + wasm_f32x4_extract_lane(x, 1) + wasm_f32x4_extract_lane(x, 2) +
           wasm_f32x4_extract_lane(x, 3);
}

INLINE float root(float x) { return __builtin_sqrtf(x); }

/* e^x with a relative error of about 1e-7, for x cut to [-87, 87]: 2^n times a polynomial in [-ln 2 / 2, ln 2 / 2]. */
INLINE V exponential(V x) {
    x = wasm_f32x4_max(wasm_f32x4_min(x, SPLAT(87)), SPLAT(-87));
    V n = wasm_f32x4_nearest(wasm_f32x4_mul(x, SPLAT(1.44269504f)));
    V r = MADD(n, SPLAT(-0.693359375f), x);
    r = MADD(n, SPLAT(2.12194440e-4f), r);
    V y = SPLAT(1.0f / 5040);
    y = MADD(y, r, SPLAT(1.0f / 720));
    y = MADD(y, r, SPLAT(1.0f / 120));
    y = MADD(y, r, SPLAT(1.0f / 24));
    y = MADD(y, r, SPLAT(1.0f / 6));
    y = MADD(y, r, SPLAT(0.5f));
    y = MADD(y, r, SPLAT(1));
    y = MADD(y, r, SPLAT(1));
    V power = wasm_i32x4_shl(wasm_i32x4_add(wasm_i32x4_trunc_sat_f32x4(n), wasm_i32x4_splat(127)), 23);
    return wasm_f32x4_mul(y, power);
}

INLINE V leaky(V x, V slope) { return wasm_f32x4_pmax(wasm_f32x4_mul(x, slope), x); }

/* --- vectors: codes, styles, gains */

/* y[r] = sum_c m[r][c] x[c] + b[r]; b may be 0 */
EXPORT(affine) void affine(const float *m, const float *x, const float *b, float *y, int rows, int columns) {
    int whole = columns & ~3;
    for (int r = 0; r < rows; r++, m += columns) {
        V sum = SPLAT(0);
        for (int c = 0; c < whole; c += 4) sum = MADD(LOAD(m + c), LOAD(x + c), sum);
        float rest = b ? b[r] : 0;
        for (int c = whole; c < columns; c++) rest += m[c] * x[c];
        y[r] = rest + summed(sum);
    }
}

/* x[n] scaled so that the mean of its squares is 1 */
EXPORT(second_moment) void second_moment(const float *x, float *y, int n) {
    float sum = 0;
    for (int i = 0; i < n; i++) sum += x[i] * x[i];
    float scale = 1 / root(sum / n + 1e-8f);
    for (int i = 0; i < n; i++) y[i] = x[i] * scale;
}

/* A tap of a kernel of `all` taps is added to a tap of one of `taps`, both [groups][tap][in][4]; once, when the weights
   arrive. */
EXPORT(gather) void gather(const float *k, float *y, int groups, int in, int all, int from, int taps, int to) {
    for (int g = 0; g < groups; g++)
        for (int i = 0; i < 4 * in; i += 4) {
            float *at = y + (g * taps + to) * 4 * in + i;
            STORE(at, wasm_f32x4_add(LOAD(at), LOAD(k + (g * all + from) * 4 * in + i)));
        }
}

/* power[i][o] += the squares of a kernel [o / 4][tap][i][4], summed over its taps; once, when the weights arrive */
EXPORT(squares) void squares(const float *k, float *power, int in, int out, int taps) {
    for (int o = 0; o < out; o += 4)
        for (int t = 0; t < taps; t++)
            for (int i = 0; i < in; i++, k += 4) {
                float *p = power + i * out + o;
                STORE(p, MADD(LOAD(k), LOAD(k), LOAD(p)));
            }
}

/* norm[o] = gain / sqrt(sum_i style[i]^2 power[i][o] + 1e-8); out: a multiple of 4 */
EXPORT(demodulate) void demodulate(const float *style, const float *power, float *norm, int in, int out, float gain) {
    for (int o = 0; o < out; o += 4) {
        V sum = SPLAT(1e-8f);
        for (int i = 0; i < in; i++) sum = MADD(LOAD(power + i * out + o), SPLAT(style[i] * style[i]), sum);
        STORE(norm + o, wasm_f32x4_div(SPLAT(gain), wasm_f32x4_sqrt(sum)));
    }
}

/* --- convolutions */

/* A map of h x w -> leaky(x * scale + shift) in a frame [c][rows][row] whose pixel (top, left) is the map's (0, 0).
   The frame's border is zero already. scale and shift may be 0. */
EXPORT(framed) void framed(const float *x, const float *scale, const float *shift, float slope, float *y, int channels,
                           int h, int w, int rows, int row, int top, int left) {
    int pitch = (w + 3) & ~3, whole = w & ~3;
    for (int c = 0; c < channels; c++) {
        float s = scale ? scale[c] : 1, b = shift ? shift[c] : 0;
        V ss = SPLAT(s), bb = SPLAT(b), ll = SPLAT(slope);
        for (int i = 0; i < h; i++) {
            const float *from = x + (c * h + i) * pitch;
            float *to = y + (c * rows + i + top) * row + left;
            for (int j = 0; j < whole; j += 4) STORE(to + j, leaky(MADD(LOAD(from + j), ss, bb), ll));
            for (int j = whole; j < w; j++) {
                float a = from[j] * s + b, l = a * slope;
                to[j] = l < a ? a : l;
            }
        }
    }
}

/* A map of h x w -> the frames of its even and odd rows and columns, [c][4][rows][row], for a convolution of stride 2:
   pixel (i + top, j + left) of frame 2 a + b is the map's (2 i + a, 2 j + b). The border is zero already. */
EXPORT(parted) void parted(const float *x, float *y, int channels, int h, int w, int rows, int row, int top, int left) {
    int pitch = (w + 3) & ~3, plane = rows * row, whole = w & ~7;
    for (int c = 0; c < channels; c++)
        for (int i = 0; i < h; i++) {
            const float *from = x + (c * h + i) * pitch;
            float *even = y + (4 * c + 2 * (i & 1)) * plane + (i / 2 + top) * row + left, *odd = even + plane;
            for (int j = 0; j < whole; j += 8) {
                V a = LOAD(from + j), b = LOAD(from + j + 4);
                STORE(even + j / 2, wasm_i32x4_shuffle(a, b, 0, 2, 4, 6));
                STORE(odd + j / 2, wasm_i32x4_shuffle(a, b, 1, 3, 5, 7));
            }
            for (int j = whole; j < w; j++) (j & 1 ? odd : even)[j / 2] = from[j];
        }
}

#define ROW(lane, a_, b_) k = wasm_v128_load32_splat(w + lane), a_ = MADD(a, k, a_), b_ = MADD(b, k, b_)

/* Four outputs at two vectors of pixels, the second `next` floats behind the first; w [tap][in][4]. The taps are the
   outer loop: so the inner one has few enough values for the registers, and is a third faster than with all taps in it.
   Two inputs in one turn are slower again. */
INLINE void products(const float *x, const float *w, float *y, const int *d, int taps, int in, int plane_in,
                     int plane_out, const int next, const int next_out) {
    V z = SPLAT(0), a0 = z, a1 = z, a2 = z, a3 = z, b0 = z, b1 = z, b2 = z, b3 = z;
    for (int t = 0; t < taps; t++) {
        const float *p = x + d[t];
#pragma clang loop unroll(disable)
        for (int i = 0; i < in; i++, p += plane_in, w += 4) {
            V a = LOAD(p), b = LOAD(p + next), k;
            ROW(0, a0, b0), ROW(1, a1, b1), ROW(2, a2, b2), ROW(3, a3, b3);
        }
    }
    STORE(y, a0), STORE(y + plane_out, a1), STORE(y + 2 * plane_out, a2), STORE(y + 3 * plane_out, a3);
    y += next_out;
    STORE(y, b0), STORE(y + plane_out, b1), STORE(y + 2 * plane_out, b2), STORE(y + 3 * plane_out, b3);
}

/* One phase of a convolution. x: the first pixel's place in a frame [in][..][row_in]; kernel [out / 4][tap][in][4];
   y [out][..][row_out], h x w pixels of it. d[taps]: how many floats beside a pixel's place each tap reads. */
EXPORT(conv) void conv(const float *x, const float *kernel, float *y, const int *d, int taps, int in, int out, int h,
                       int w, int row_in, int plane_in, int row_out, int plane_out) {
    int whole = (w + 3) / 8 * 8; /* pixels of a row that are made eight at a time; where four are left, two rows' */
    for (int o = 0; o < out; o += 4, kernel += in * taps * 4, y += 4 * plane_out) {
        for (int i = 0; i < h; i++)
            for (int j = 0; j < whole; j += 8)
                products(x + i * row_in + j, kernel, y + i * row_out + j, d, taps, in, plane_in, plane_out, 4, 4);
        for (int i = 0; whole < w && i < h; i += 2) {
            int two = i + 1 < h; /* an odd last row is its own second */
            products(x + i * row_in + whole, kernel, y + i * row_out + whole, d, taps, in, plane_in, plane_out,
                     two ? row_in : 0, two ? row_out : 0);
        }
    }
}

/* Four phases [out][rows][row], one behind the other, `size` floats each -> a map [out][h][w]: phase 2 a + b has the
   pixels of the odd (a, b = 1) and even rows and columns. */
EXPORT(interleave) void interleave(const float *x, float *y, int size, int plane, int row, int out, int h, int w) {
    int pitch = (w + 3) & ~3;
    for (int o = 0; o < out; o++)
        for (int i = 0; i < h; i++) { /* what a row writes too much, the next one overwrites */
            const float *even = x + (i & 1) * 2 * size + o * plane + i / 2 * row, *odd = even + size;
            float *to = y + (o * h + i) * pitch;
            for (int j = 0; j < w; j += 8) {
                V a = LOAD(even + j / 2), b = LOAD(odd + j / 2);
                STORE(to + j, wasm_i32x4_shuffle(a, b, 0, 4, 1, 5));
                STORE(to + j + 4, wasm_i32x4_shuffle(a, b, 2, 6, 3, 7));
            }
        }
}

/* The same for a transposed convolution of stride 2, whose result has 2 h + 1 rows and columns, with the filter
   [1 3 3 1] both ways, sum 4: y [out][2 h][2 w], w a multiple of 4. The phases' first pixels lie one row and one column
   behind the beginning of [out][h + 2][row]; all around them is zero. */
EXPORT(filtered) void filtered(const float *x, float *y, int size, int plane, int row, int out, int h, int w) {
    const float *ee = x + row + 1, *eo = ee + size, *oe = eo + size, *oo = oe + size;
    V three = SPLAT(3), sixteenth = SPLAT(1.0f / 16);
    for (int o = 0; o < out; o++, ee += plane, eo += plane, oe += plane, oo += plane, y += 4 * h * w)
        for (int i = 0; i < h; i++)
            for (int j = 0; j < w; j += 4) {
                const float *e = ee + i * row + j, *f = eo + i * row + j, *g = oe + i * row + j, *q = oo + i * row + j;
/* Down the columns first: rows 2 i - 1 to 2 i + 3 give the rows 2 i (t) and 2 i + 1 (b). */
#define DOWN(name, even, odd, at)                                                                                      \
    V name##0 = LOAD(odd + (at) - row), name##1 = LOAD(even + (at)), name##2 = LOAD(odd + (at)),                       \
      name##3 = LOAD(even + (at) + row), name##4 = LOAD(odd + (at) + row),                                             \
      name##t = MADD(three, wasm_f32x4_add(name##1, name##2), wasm_f32x4_add(name##0, name##3)),                       \
      name##b = MADD(three, wasm_f32x4_add(name##2, name##3), wasm_f32x4_add(name##1, name##4));
                DOWN(v, f, q, -1) DOWN(a, e, g, 0) DOWN(b, f, q, 0) DOWN(c, e, g, 1) DOWN(d, f, q, 1)
#define ACROSS(half, to)                                                                                               \
    {                                                                                                                  \
        V left = MADD(three, wasm_f32x4_add(a##half, b##half), wasm_f32x4_add(v##half, c##half));                      \
        V right = MADD(three, wasm_f32x4_add(b##half, c##half), wasm_f32x4_add(a##half, d##half));                     \
        left = wasm_f32x4_mul(left, sixteenth), right = wasm_f32x4_mul(right, sixteenth);                              \
        STORE(to, wasm_i32x4_shuffle(left, right, 0, 4, 1, 5));                                                        \
        STORE(to + 4, wasm_i32x4_shuffle(left, right, 2, 6, 3, 7));                                                    \
    }
                ACROSS(t, y + 4 * i * w + 2 * j)
                ACROSS(b, y + (4 * i + 2) * w + 2 * j)
            }
}

/* --- maps */

/* In place: x * norm + bias + noise, leaky, cut to [-clamp, clamp], then * gain + shift. norm, bias, gain, shift: one
   number a channel; noise: one a pixel; each may be 0, and clamp 0 cuts nothing. size: of a channel, pitch included. */
EXPORT(finish) void finish(float *x, int channels, int size, const float *norm, const float *bias, const float *noise,
                           float slope, float clamp, const float *gain, const float *shift) {
    V l = SPLAT(slope), high = SPLAT(clamp), low = SPLAT(-clamp);
    for (int c = 0; c < channels; c++, x += size) {
        V n = SPLAT(norm ? norm[c] : 1), b = SPLAT(bias ? bias[c] : 0);
        V g = SPLAT(gain ? gain[c] : 1), s = SPLAT(shift ? shift[c] : 0);
        for (int p = 0; p < size; p += 4) {
            V y = MADD(LOAD(x + p), n, noise ? wasm_f32x4_add(b, LOAD(noise + p)) : b);
            y = leaky(y, l);
            if (clamp) y = wasm_f32x4_max(wasm_f32x4_min(y, high), low);
            STORE(x + p, gain ? MADD(y, g, s) : y);
        }
    }
}

/* In place: the mean square of every pixel over its channels becomes 1. size: a multiple of 16. */
EXPORT(pixel_norm) void pixel_norm(float *x, int channels, int size) {
    V each = SPLAT(1.0f / channels), sum[4];
    for (int p = 0; p < size; p += 16, x += 16) { /* what lies in one line of the cache */
        for (int l = 0; l < 4; l++) sum[l] = SPLAT(0);
        for (int c = 0; c < channels; c++)
            for (int l = 0; l < 4; l++) {
                V y = LOAD(x + c * size + 4 * l);
                sum[l] = MADD(y, y, sum[l]);
            }
        for (int l = 0; l < 4; l++)
            sum[l] = wasm_f32x4_div(SPLAT(1), wasm_f32x4_sqrt(MADD(sum[l], each, SPLAT(1e-8f))));
        for (int c = 0; c < channels; c++)
            for (int l = 0; l < 4; l++) {
                float *y = x + c * size + 4 * l;
                STORE(y, wasm_f32x4_mul(LOAD(y), sum[l]));
            }
    }
}

/* x += y, both of n floats */
EXPORT(add) void add(float *x, const float *y, int n) {
    for (int p = 0; p < n; p += 4) STORE(x + p, wasm_f32x4_add(LOAD(x + p), LOAD(y + p)));
}

/* x [c][h][w] += y [c][h / 2][w / 2], doubled by repetition */
EXPORT(add_doubled) void add_doubled(float *x, const float *y, int channels, int h, int w) {
    int pitch = (w + 3) & ~3, half = (w / 2 + 3) & ~3;
    for (int c = 0; c < channels; c++)
        for (int i = 0; i < h; i++) {
            const float *from = y + (c * (h / 2) + i / 2) * half;
            float *to = x + (c * h + i) * pitch;
            for (int j = 0; j < w; j++) to[j] += from[j / 2];
        }
}

/* x [c][h][w] += y [c][h / 2][w / 2], enlarged by zeros between its pixels and the filter [1 3 3 1], sum 4 */
EXPORT(add_filtered) void add_filtered(float *x, const float *y, int channels, int h, int w) {
    int a = h / 2, b = w / 2;
    for (int c = 0; c < channels; c++, x += h * w, y += a * b)
        for (int i = 0; i < h; i++) {
            int near = i / 2, far = near + (i & 1 ? 1 : -1), inside = far >= 0 && far < a;
            for (int j = 0; j < w; j++) {
                int nj = j / 2, fj = nj + (j & 1 ? 1 : -1), also = fj >= 0 && fj < b;
                float row = 3 * y[near * b + nj] + (also ? y[near * b + fj] : 0);
                float over = inside ? 3 * y[far * b + nj] + (also ? y[far * b + fj] : 0) : 0;
                x[i * w + j] += (3 * row + over) * (1.0f / 16);
            }
        }
}

/* --- attention: maps of a size that 8 divides */

/* The largest of 2 x 2 pixels: [c][h][w] -> [c][h / 2][w / 2] */
EXPORT(pool) void pool(const float *x, float *y, int channels, int h, int w) {
    for (int i = 0; i < channels * h / 2; i++)
        for (int j = 0; j < w / 2; j++) {
            const float *p = x + 2 * i * w + 2 * j;
            float a = p[0] < p[1] ? p[1] : p[0], b = p[w] < p[w + 1] ? p[w + 1] : p[w];
            y[i * (w / 2) + j] = a < b ? b : a;
        }
}

/* y[c][p] = sum_j value[c][j] share[p][j], where share is the softmax over j of sum_d query[d][p] key[d][j].
   query [depth][pixels], key [depth][keys], value and y of `channels`; row: room for `keys` floats. */
EXPORT(attend) void attend(const float *query, const float *key, const float *value, float *y, float *row, int depth,
                           int channels, int pixels, int keys) {
    for (int p = 0; p < pixels; p++) {
        float most = -3e38f;
        for (int j = 0; j < keys; j += 4) {
            V sum = SPLAT(0);
            for (int d = 0; d < depth; d++) sum = MADD(LOAD(key + d * keys + j), SPLAT(query[d * pixels + p]), sum);
            STORE(row + j, sum);
            for (int l = 0; l < 4; l++) most = row[j + l] > most ? row[j + l] : most;
        }
        V total = SPLAT(0);
        for (int j = 0; j < keys; j += 4) {
            V share = exponential(wasm_f32x4_sub(LOAD(row + j), SPLAT(most)));
            STORE(row + j, share), total = wasm_f32x4_add(total, share);
        }
        float each = 1 / summed(total);
        for (int c = 0; c < channels; c++) {
            V sum = SPLAT(0);
            for (int j = 0; j < keys; j += 4) sum = MADD(LOAD(value + c * keys + j), LOAD(row + j), sum);
            y[c * pixels + p] = summed(sum) * each;
        }
    }
}

/* --- the picture */

/* What the network draws, [channels][h][w], through its end (0: as it is, 1: tanh, 2: sigmoid to [-1, 1]). In place. */
EXPORT(ended) void ended(float *x, int n, int end) {
    V one = SPLAT(1), two = SPLAT(2);
    for (int p = 0; p < n; p += 4) { /* tanh x = 1 - 2 / (e^2x + 1), and 2 sigmoid(x) - 1 = tanh(x / 2) */
        V y = end == 1 ? wasm_f32x4_mul(LOAD(x + p), two) : LOAD(x + p);
        y = wasm_f32x4_div(two, wasm_f32x4_add(exponential(y), one));
        STORE(x + p, wasm_f32x4_sub(one, y));
    }
}

/* [channels][h][w] -> the image [3][h * w], and its levels as RGBA. 1 channel: grey; 4: the last is opacity, and what
   is transparent shows `squares` squares a side of two tones, or, where squares is 0, opacity is left out. */
EXPORT(coloured) void coloured(const float *x, float *image, unsigned char *rgba, int channels, int h, int w,
                               int squares, float dark, float light) {
    int pitch = (w + 3) & ~3;
    for (int o = 0; o < 3; o++)
        for (int i = 0; i < h; i++)
            for (int j = 0; j < w; j++) {
                float y = x[((channels == 1 ? 0 : o) * h + i) * pitch + j];
                if (channels == 4 && squares) {
                    float board = (i * squares / h + j * squares / w) & 1 ? dark : light;
                    float opacity = (x[(3 * h + i) * pitch + j] + 1) / 2;
                    y = board + (opacity > 0 ? opacity < 1 ? opacity : 1 : 0) * (y - board);
                }
                image[(o * h + i) * w + j] = y;
                y = y > -1 ? y < 1 ? y : 1 : -1;
                rgba[4 * (i * w + j) + o] = (unsigned char)__builtin_rintf((y + 1) * 127.5f); /* halves to even */
            }
    for (int p = 0; p < h * w; p++) rgba[4 * p + 3] = 255;
}
