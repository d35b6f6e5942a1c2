// scan.cpp's four scans while training: forward keeps the states before every kChunk-th step, backward makes those between anew.
//
//   g       = C*dy + e'*g'                        e = exp(d*A); ' is the step behind, h* the state before
//   du      = sum over directions of D*dy + d*g*B            dB = sum over channels of g*d*u, dC = of dy*h
//   draw    = g*(A*e*h* + B*u) * sigmoid(raw + bias)         dA = sum of g*d*e*h*, dD of u*dy, dbias of draw
//
//   shapes as in scan.cpp; states [P, K, ceil(L/kChunk), D]; float, or double to check gradients with
//
// Threads share the windows: sums over channels and over directions stay with one of them.
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <torch/library.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <tuple>

namespace {

constexpr int64_t kBlock = 128;         // channels that a thread works on at a time
constexpr int64_t kChunk = 16;          // steps; their states, decays and deltas stay in the first cache or near it

struct Shape {
    int64_t H, W, D, chunks;
};

inline int64_t place(int k, int64_t s, const Shape &z)
{
    const int64_t L = z.H * z.W, t = k >= 2 ? L - 1 - s : s;
    return k % 2 == 0 ? t : t % z.H * z.W + t / z.H;
}

// One window's tensors, one block of its channels, one direction.
template <typename T>
struct Lane {
    const T *u, *raw, *bc, *A, *skip, *bias;
    int k;
    int64_t n;
};

template <typename T>
inline T softplus(T r)
{
    return r > T(20) ? r : std::log1p(std::exp(r));
}

template <typename T>
void forward_block(T *__restrict y, T *__restrict states, const Lane<T> &a, const Shape &z)
{
    T h[kBlock] = {0};
    for (int64_t s = 0; s < z.H * z.W; s++) {
        const int64_t l = place(a.k, s, z);
        const T B = a.bc[l * 8 + a.k * 2], C = a.bc[l * 8 + a.k * 2 + 1];
        const T *__restrict u = a.u + l * z.D, *__restrict raw = a.raw + l * z.D;
        const T *__restrict A = a.A, *__restrict skip = a.skip, *__restrict bias = a.bias;
        T *__restrict yl = y + l * z.D;
        if (s % kChunk == 0)
            std::memcpy(states + s / kChunk * z.D, h, a.n * sizeof(T));
#pragma GCC ivdep
        for (int64_t c = 0; c < a.n; c++) {
            const T d = softplus(raw[c] + bias[c]);
            h[c] = std::exp(d * A[c]) * h[c] + d * B * u[c];
            yl[c] = (a.k ? yl[c] : T(0)) + C * h[c] + skip[c] * u[c];
        }
    }
}

template <typename T>
struct Grads {
    T *du, *draw, *dbc, *dA, *dskip, *dbias;
};

template <typename T>
void backward_block(const Grads<T> &g, const T *__restrict dy, const T *__restrict states, const Lane<T> &a, const Shape &z)
{
    T behind[kBlock] = {0}, dA[kBlock] = {0}, dskip[kBlock] = {0}, dbias[kBlock] = {0};
    T h[(kChunk + 1) * kBlock], d[kChunk * kBlock], e[kChunk * kBlock], slope[kChunk * kBlock];
    const T *__restrict A = a.A, *__restrict skip = a.skip, *__restrict bias = a.bias;

    for (int64_t chunk = z.chunks - 1; chunk >= 0; chunk--) {
        const int64_t first = chunk * kChunk, steps = std::min(kChunk, z.H * z.W - first);
        std::memcpy(h, states + chunk * z.D, a.n * sizeof(T));
        for (int64_t s = 0; s < steps; s++) {
            const int64_t l = place(a.k, first + s, z);
            const T B = a.bc[l * 8 + a.k * 2];
            const T *__restrict u = a.u + l * z.D, *__restrict raw = a.raw + l * z.D;
            const T *__restrict before = h + s * kBlock;
            T *__restrict after = h + (s + 1) * kBlock, *__restrict ds = d + s * kBlock, *__restrict es = e + s * kBlock;
            T *__restrict slopes = slope + s * kBlock;
#pragma GCC ivdep
            for (int64_t c = 0; c < a.n; c++) {
                const T r = raw[c] + bias[c], t = std::exp(r < T(60) ? r : T(60));
                ds[c] = r > T(20) ? r : std::log1p(t);
                slopes[c] = t / (T(1) + t);
                es[c] = std::exp(ds[c] * A[c]);
                after[c] = es[c] * before[c] + ds[c] * B * u[c];
            }
        }
        for (int64_t s = steps - 1; s >= 0; s--) {
            const int64_t l = place(a.k, first + s, z);
            const T B = a.bc[l * 8 + a.k * 2], C = a.bc[l * 8 + a.k * 2 + 1];
            const T *__restrict u = a.u + l * z.D, *__restrict dyl = dy + l * z.D;
            const T *__restrict before = h + s * kBlock, *__restrict after = h + (s + 1) * kBlock;
            const T *__restrict ds = d + s * kBlock, *__restrict es = e + s * kBlock, *__restrict slopes = slope + s * kBlock;
            T *__restrict du = g.du + l * z.D, *__restrict draw = g.draw + l * z.D;
            T dB = 0, dC = 0;
#pragma GCC ivdep
            for (int64_t c = 0; c < a.n; c++) {
                const T gc = C * dyl[c] + behind[c], kept = es[c] * before[c];
                const T r = gc * (A[c] * kept + B * u[c]) * slopes[c];
                du[c] = (a.k ? du[c] : T(0)) + skip[c] * dyl[c] + ds[c] * gc * B;
                draw[c] = r;
                dB += gc * ds[c] * u[c];
                dC += dyl[c] * after[c];
                dA[c] += gc * ds[c] * kept;
                dskip[c] += u[c] * dyl[c];
                dbias[c] += r;
                behind[c] = es[c] * gc;
            }
            g.dbc[l * 8 + a.k * 2] += dB;
            g.dbc[l * 8 + a.k * 2 + 1] += dC;
        }
    }
    std::memcpy(g.dA, dA, a.n * sizeof(T));
    std::memcpy(g.dskip, dskip, a.n * sizeof(T));
    std::memcpy(g.dbias, dbias, a.n * sizeof(T));
}

struct Inputs {
    torch::Tensor u, raw, bc, A, skip, bias;
    int64_t P;
    Shape z;

    Inputs(const torch::Tensor &u_in, const torch::Tensor &raw_in, const torch::Tensor &bc_in, const torch::Tensor &A_in,
           const torch::Tensor &skip_in, const torch::Tensor &bias_in, int64_t H, int64_t W)
        : u(u_in.contiguous()), raw(raw_in.contiguous()), bc(bc_in.contiguous()), A(A_in.contiguous()), skip(skip_in.contiguous()),
          bias(bias_in.contiguous()), P(u.size(0)), z{H, W, u.size(2), (H * W + kChunk - 1) / kChunk}
    {
        TORCH_CHECK(u.size(1) == H * W && raw.size(3) == z.D && bc.numel() == P * H * W * 8, "scan4_training: wrong shapes");
    }

    template <typename T>
    Lane<T> lane(int64_t p, int k, int64_t c) const
    {
        const int64_t window = H_W() * z.D;
        return {u.data_ptr<T>() + p * window + c, raw.data_ptr<T>() + (p * 4 + k) * window + c, bc.data_ptr<T>() + p * H_W() * 8,
                A.data_ptr<T>() + k * z.D + c, skip.data_ptr<T>() + k * z.D + c, bias.data_ptr<T>() + k * z.D + c, k,
                std::min(kBlock, z.D - c)};
    }

    int64_t H_W() const { return z.H * z.W; }
    int64_t state_at(int64_t p, int k, int64_t c) const { return (p * 4 + k) * z.chunks * z.D + c; }
};

std::tuple<torch::Tensor, torch::Tensor> scan4_training(const torch::Tensor &u, const torch::Tensor &raw, const torch::Tensor &bc,
                                                        const torch::Tensor &A, const torch::Tensor &skip, const torch::Tensor &bias,
                                                        int64_t H, int64_t W)
{
    const Inputs in(u, raw, bc, A, skip, bias, H, W);
    auto y = torch::empty_like(in.u), states = torch::empty({in.P, 4, in.z.chunks, in.z.D}, in.u.options());
    AT_DISPATCH_FLOATING_TYPES(in.u.scalar_type(), "scan4_training", [&] {
        at::parallel_for(0, in.P, 1, [&](int64_t begin, int64_t end) {
            for (int64_t p = begin; p < end; p++)
                for (int64_t c = 0; c < in.z.D; c += kBlock)
                    for (int k = 0; k < 4; k++)
                        forward_block(y.data_ptr<scalar_t>() + p * in.H_W() * in.z.D + c,
                                      states.data_ptr<scalar_t>() + in.state_at(p, k, c), in.lane<scalar_t>(p, k, c), in.z);
        });
    });
    return {y, states};
}

using Six = std::tuple<torch::Tensor, torch::Tensor, torch::Tensor, torch::Tensor, torch::Tensor, torch::Tensor>;

Six scan4_backward(const torch::Tensor &dy_in, const torch::Tensor &states, const torch::Tensor &u, const torch::Tensor &raw,
                   const torch::Tensor &bc, const torch::Tensor &A, const torch::Tensor &skip, const torch::Tensor &bias, int64_t H,
                   int64_t W)
{
    const Inputs in(u, raw, bc, A, skip, bias, H, W);
    const auto dy = dy_in.contiguous();
    auto du = torch::empty_like(in.u), draw = torch::empty_like(in.raw), dbc = torch::zeros_like(in.bc);
    auto sums = torch::empty({3, in.P, 4, in.z.D}, in.u.options());         // dA, dskip, dbias of each window
    AT_DISPATCH_FLOATING_TYPES(in.u.scalar_type(), "scan4_backward", [&] {
        at::parallel_for(0, in.P, 1, [&](int64_t begin, int64_t end) {
            for (int64_t p = begin; p < end; p++)
                for (int64_t c = 0; c < in.z.D; c += kBlock)
                    for (int k = 0; k < 4; k++) {
                        const int64_t window = in.H_W() * in.z.D, row = (p * 4 + k) * in.z.D + c, all = in.P * 4 * in.z.D;
                        scalar_t *part = sums.data_ptr<scalar_t>() + row;
                        const Grads<scalar_t> g = {du.data_ptr<scalar_t>() + p * window + c,
                                                   draw.data_ptr<scalar_t>() + (p * 4 + k) * window + c,
                                                   dbc.data_ptr<scalar_t>() + p * in.H_W() * 8, part, part + all, part + 2 * all};
                        backward_block(g, dy.data_ptr<scalar_t>() + p * window + c,
                                       states.data_ptr<scalar_t>() + in.state_at(p, k, c), in.lane<scalar_t>(p, k, c), in.z);
                    }
        });
    });
    const auto total = sums.sum(1);
    return {du, draw, dbc, total[0].clone(), total[1].clone(), total[2].clone()};
}

}  // namespace

TORCH_LIBRARY(earmark_peer_training, m)
{
    m.def("scan4(Tensor u, Tensor raw, Tensor bc, Tensor A, Tensor skip, Tensor bias, int H, int W) -> (Tensor, Tensor)");
    m.def("scan4_backward(Tensor dy, Tensor states, Tensor u, Tensor raw, Tensor bc, Tensor A, Tensor skip, Tensor bias, int H, int W)"
          " -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(earmark_peer_training, CPU, m)
{
    m.impl("scan4", &scan4_training);
    m.impl("scan4_backward", &scan4_backward);
}
