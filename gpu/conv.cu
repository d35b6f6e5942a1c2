// conv.cu - strided convolution, norm before or after: em_conv in ops.h. One of
//   of_one    an image of one plane: a few taps a pixel, so plain sums, and the norm with them
//   in place  a product whose rows are taps read where they lie (product.cu), floats narrowed first
//   gathered  the taps copied to rows, normed if they are to be, and then a product: what is left
#include "product.cuh"
#include "rows.cuh"

// ---------------------------------------------------------------- one plane

enum { MOST_TAPS = 16, LANES = 4, ONE_THREADS = 128, MOST_ONE = 24 };

struct one_args {
    const float *x, *bias;
    em_conv_shape shape;
    em_norm norm;
    em_act  act;
    int     n, n_pixels;
    size_t  ldw;
};

// The taps of a pixel; outside: any pixel, and then zero.
static __device__ __forceinline__ void load_taps(float in[MOST_TAPS], const one_args &p, int pixel)
{
    const em_conv_shape &s = p.shape;
    const int ox = pixel % s.Wo, oy = pixel / s.Wo % s.Ho, b = pixel / s.Wo / s.Ho;
    const int y0 = oy * s.stride - s.pad_y, x0 = ox * s.stride - s.pad_x, n_taps = s.kh * s.kw;

    #pragma unroll
    for (int t = 0; t < MOST_TAPS; t++) {
        const int iy = y0 + t / s.kw, ix = x0 + t % s.kw;
        const bool is_inside = t < n_taps && iy >= 0 && iy < s.H && ix >= 0 && ix < s.W;
        const float x = p.x[is_inside ? ((size_t)b * s.H + iy) * s.W + ix : 0];

        in[t] = is_inside ? x : 0.f;
    }
}

// Over the NC channels from c0 of each of the lanes that share a pixel; those past n are zero.
template <int NC>
static __device__ __forceinline__ void norm_pixel(float sums[NC], const em_norm &norm, int c0, int n)
{
    float sum = 0.f, mean, scale;

    #pragma unroll
    for (int c = 0; c < NC; c++)
        sum += sums[c];
    for (int mask = 1; mask < LANES; mask *= 2)
        sum += em_shuffle_xor(sum, mask);
    mean = sum / n;
    sum = 0.f;
    #pragma unroll
    for (int c = 0; c < NC; c++)
        if (c0 + c < n)
            sum += (sums[c] - mean) * (sums[c] - mean);
    for (int mask = 1; mask < LANES; mask *= 2)
        sum += em_shuffle_xor(sum, mask);
    scale = 1.f / sqrtf(sum / n + EM_NORM_EPS);
    #pragma unroll
    for (int c = 0; c < NC; c++)
        if (c0 + c < n)
            sums[c] = (sums[c] - mean) * scale * norm.weight[c0 + c] + norm.bias[c0 + c];
}

// y: of this pixel.
template <int NC, typename TY>
static __device__ __forceinline__ void store_pixel(TY *y, float sums[NC], const one_args &p, int c0)
{
    #pragma unroll
    for (int c = 0; c < NC; c++)
        if (p.act == EM_ACT_GELU)
            sums[c] = em_gelu(sums[c]);
    #pragma unroll
    for (int c = 0; c < NC; c += 4) {
        TY *const to = y + c0 + c;

        if (p.n % 4 == 0 && c0 + c < p.n)
            em_store4(to, make_float4(sums[c], sums[c + 1], sums[c + 2], sums[c + 3]));
        else
            for (int q = 0; q < 4 && c0 + c + q < p.n; q++)
                em_store(to + q, sums[c + q]);
    }
}

// Four lanes share a pixel and have NC neighbouring channels each. w [n][ldw].
template <int NC, typename TY, typename TW>
__global__ void __launch_bounds__(ONE_THREADS) conv_of_one(TY *y, const TW *w, one_args p)
{
    EM_SHARED(float, taps);                                 // [kh * kw][LANES * NC], zeros past n
    const int lane = threadIdx.x % LANES, c0 = lane * NC, n_taps = p.shape.kh * p.shape.kw;
    const int i = blockIdx.x * (ONE_THREADS / LANES) + threadIdx.x / LANES, pixel = i < p.n_pixels ? i : p.n_pixels - 1;
    float in[MOST_TAPS], sums[NC];

    for (int t = threadIdx.x; t < n_taps * LANES * NC; t += ONE_THREADS) {
        const int c = t % (LANES * NC);

        taps[t] = c < p.n ? em_load(w + c * p.ldw + t / (LANES * NC)) : 0.f;
    }
    #pragma unroll
    for (int c = 0; c < NC; c++)
        sums[c] = p.bias && c0 + c < p.n ? p.bias[c0 + c] : 0.f;
    __syncthreads();
    em_wait_for_previous();
    load_taps(in, p, pixel);
    #pragma unroll
    for (int t = 0; t < MOST_TAPS; t++)
        if (t < n_taps)
            #pragma unroll
            for (int c = 0; c < NC; c += 4) {
                const float4 v = em_load4(taps + t * LANES * NC + c0 + c);
                sums[c] += in[t] * v.x, sums[c + 1] += in[t] * v.y, sums[c + 2] += in[t] * v.z, sums[c + 3] += in[t] * v.w;
            }
    if (p.norm.weight)
        norm_pixel<NC>(sums, p.norm, c0, p.n);
    if (i < p.n_pixels)
        store_pixel<NC>(y + (size_t)i * p.n, sums, p, c0);
}

static em_conv_shape shape_of(const em_conv *a)
{
    const em_conv_shape s = { a->H, a->W, a->C, a->Ho, a->Wo, a->kh, a->kw, a->stride, a->pad_y, a->pad_x };

    return s;
}

template <int NC, typename TY, typename TW>
static void launch_one(em_dev *dev, const em_conv *a, int n_pixels)
{
    const one_args p = { a->x, a->bias, shape_of(a), a->norm_after, a->act, a->w.n, n_pixels, (size_t)em_round_up(a->w.k, 64) };

    EM_LAUNCH(dev, (conv_of_one<NC, TY, TW>), dim3(em_div_up((size_t)n_pixels, ONE_THREADS / LANES)), ONE_THREADS,
              a->w.k * LANES * NC * sizeof(float), (TY *)a->y, (const TW *)a->w.data, p);
}

template <typename TY, typename TW>
static void of_one(em_dev *dev, const em_conv *a, int n_pixels)
{
    if (a->w.n <= LANES * 8)
        launch_one<8, TY, TW>(dev, a, n_pixels);
    else if (a->w.n <= LANES * 12)
        launch_one<12, TY, TW>(dev, a, n_pixels);
    else
        launch_one<MOST_ONE, TY, TW>(dev, a, n_pixels);
}

// ---------------------------------------------------------------- taps where they lie

__global__ void narrow_floats(em_half *y, const float *x, size_t n)
{
    const size_t i = ((size_t)blockIdx.x * blockDim.x + threadIdx.x) * 4;

    em_wait_for_previous();
    if (i < n)
        em_store4(y + i, em_load4(x + i));
}

// Floats are narrowed into the scratch that gathered rows would have had.
static bool can_stay(const em_dev *dev, const em_conv *a)
{
    const size_t room = (size_t)a->Ho * (size_t)a->Wo * (size_t)em_round_up(a->w.k, 64);

    return dev->is_fp16 && a->C % 8 == 0 && !a->norm_before.weight && (a->is_x_inner || (size_t)a->H * (size_t)a->W * (size_t)a->C <= room);
}

static void in_place(em_dev *dev, const em_conv *a, const em_product_out *out, int B)
{
    const size_t n = (size_t)B * (size_t)a->H * (size_t)a->W * (size_t)a->C;
    const em_conv_shape shape = shape_of(a);
    const void *image = a->x;
    enum { THREADS = 256 };

    if (!a->is_x_inner) {
        EM_LAUNCH(dev, narrow_floats, dim3(em_div_up(n, 4 * THREADS)), THREADS, 0, (em_half *)dev->rows, a->x, n);
        image = dev->rows;
    }
    em_cuda_conv_product(dev, out, image, &shape, a->w, B * a->Ho * a->Wo);
}

// ---------------------------------------------------------------- gathered

template <typename TX, typename T>
static void gather(em_dev *dev, const em_conv *a, int rows)
{
    em_prepare_rows(dev, (T *)dev->rows, em_taps_of<TX>(a), a->norm_before, EM_ACT_NONE, rows, a->w.k, em_round_up(a->w.k, 64));
}

template <typename T>
static void gathered(em_dev *dev, const em_conv *a, const em_product_out *out, int rows)
{
    if (a->is_x_inner)
        gather<T, T>(dev, a, rows);
    else
        gather<float, T>(dev, a, rows);
    em_cuda_product(dev, out, dev->rows, (size_t)em_round_up(a->w.k, 64), a->w, rows);
}

template <typename T>
static void conv(em_dev *dev, const em_conv *a, int B)
{
    const bool is_normed = a->norm_after.weight != NULL;
    const em_product_out out = { a->raw ? a->raw : a->y, a->bias, NULL, a->w.n, is_normed ? EM_ACT_NONE : a->act, a->is_y_inner && !a->raw };
    const int rows = B * a->Ho * a->Wo;

    if (a->C == 1 && !a->raw && !a->is_x_inner && !a->norm_before.weight && a->w.k <= MOST_TAPS && a->w.n <= LANES * MOST_ONE) {
        if (a->is_y_inner)
            of_one<T, T>(dev, a, rows);
        else
            of_one<float, T>(dev, a, rows);
        return;
    }
    if (can_stay(dev, a))
        in_place(dev, a, &out, B);
    else
        gathered<T>(dev, a, &out, rows);
    if (a->raw && a->is_y_inner)
        em_norm_rows(dev, (T *)a->y, (const float *)a->raw, a->norm_after, a->act, rows, a->w.n);
    else if (a->raw)
        em_norm_rows(dev, a->y, (const float *)a->raw, a->norm_after, a->act, rows, a->w.n);
    else if (is_normed && a->is_y_inner)
        em_norm_rows(dev, (T *)a->y, (const T *)a->y, a->norm_after, a->act, rows, a->w.n);
    else if (is_normed)
        em_norm_rows(dev, a->y, (const float *)a->y, a->norm_after, a->act, rows, a->w.n);
}

void em_cuda_conv_fwd(em_dev *dev, const em_conv *a, int B)
{
    if (dev->is_fp16)
        conv<em_half>(dev, a, B);
    else
        conv<float>(dev, a, B);
}
