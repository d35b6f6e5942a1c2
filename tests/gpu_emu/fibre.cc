#include "fibre.h"

#include <algorithm>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define LEAVE(keep, bottom, size) __sanitizer_start_switch_fiber(keep, bottom, size)
#define ARRIVE(kept, bottom, size) __sanitizer_finish_switch_fiber(kept, bottom, size)
// A fibre never returns from its first functions: their marks are left on the top of its stack.
#define FRESH(top, size) __asan_unpoison_memory_region((top) - (size), size)
#else
#define LEAVE(keep, bottom, size) ((void)(keep))
#define ARRIVE(kept, bottom, size) ((void)(kept))
#define FRESH(top, size) ((void)(top))
#endif

enum { STACK = 256 << 10, FIRST_FRAMES = 8 << 10 };
static const int MOST_THREADS = 1024;

#if defined(__x86_64__)

// Swaps stacks and what a call must preserve. ucontext would ask the kernel twice for the signal mask each time.
extern "C" void emu_swap(void **save, void *load);
asm(R"(
    .text
    .globl emu_swap
    .type emu_swap, @function
emu_swap:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size emu_swap, .-emu_swap
)");

typedef void *context;

static void make_context(context *c, unsigned char *stack, void (*entry)())
{
    void **top = (void **)(stack + STACK) - 2;      // so that entry finds its stack as after a call

    *top = (void *)entry;
    *c = top - 6;
    memset(*c, 0, 6 * sizeof(void *));
}

static void swap(context *save, context *load) { emu_swap(save, *load); }

#else

#include <ucontext.h>

typedef ucontext_t context;

static void make_context(context *c, unsigned char *stack, void (*entry)())
{
    getcontext(c);
    c->uc_stack.ss_sp = stack;
    c->uc_stack.ss_size = STACK;
    c->uc_link = NULL;
    makecontext(c, entry, 0);
}

static void swap(context *save, context *load) { swapcontext(save, load); }

#endif

enum state { READY, AT_BARRIER, IN_WARP, DONE };

struct fibre { context self; state at; void *asan; };
struct warp { int n, arrived; unsigned char slots[EMU_WARP][EMU_SLOT]; };

static fibre fibres[MOST_THREADS];
static warp warps[MOST_THREADS / EMU_WARP];
static unsigned char *stacks;
static context home;
[[maybe_unused]] static void *home_asan;
[[maybe_unused]] static const void *home_bottom;
[[maybe_unused]] static size_t home_size;
static const std::function<void(int)> *body;
int emu_current;
static int n_threads, n_waiting, n_done;

[[noreturn]] static void give_up(const char *why)
{
    fprintf(stderr, "gpu_emu: %s (%d threads: %d at a barrier, %d done)\n", why, n_threads, n_waiting, n_done);
    abort();
}

static void give_way(state at)
{
    fibre *f = &fibres[emu_current];

    f->at = at;
    LEAVE(at == DONE ? NULL : &f->asan, home_bottom, home_size);
    swap(&f->self, &home);
    ARRIVE(f->asan, &home_bottom, &home_size);
}

static void entry()
{
    ARRIVE(NULL, &home_bottom, &home_size);
    (*body)(emu_current);
    n_done++;
    give_way(DONE);
}

void emu_barrier()
{
    n_waiting++;
    give_way(AT_BARRIER);
}

void emu_together(void *slot, size_t n_bytes, void (*act)(unsigned char slots[EMU_WARP][EMU_SLOT]))
{
    const int me = emu_current, first = me / EMU_WARP * EMU_WARP;
    warp *w = &warps[me / EMU_WARP];

    if (w->n != EMU_WARP || n_bytes > EMU_SLOT)
        give_up("a warp of less than 32 threads acts as one");
    memcpy(w->slots[me % EMU_WARP], slot, n_bytes);
    if (++w->arrived < EMU_WARP) {
        give_way(IN_WARP);
    } else {
        w->arrived = 0;
        act(w->slots);
        for (int i = first; i < first + EMU_WARP; i++)
            fibres[i].at = READY;
    }
    memcpy(slot, w->slots[me % EMU_WARP], n_bytes);
}

static void resume(int i)
{
    emu_current = i;
    LEAVE(&home_asan, stacks + (size_t)i * STACK, STACK);
    swap(&home, &fibres[i].self);
    ARRIVE(home_asan, NULL, NULL);
}

static void begin(int n)
{
    if (n > MOST_THREADS)
        give_up("a block of more than 1024 threads");
    if (!stacks)
        stacks = (unsigned char *)mmap(NULL, (size_t)STACK * MOST_THREADS, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stacks == MAP_FAILED)
        give_up("no memory for stacks");
    n_threads = n;
    n_waiting = n_done = 0;
    for (int i = 0; i < n; i++) {
        fibres[i].at = READY;
        FRESH(stacks + (size_t)(i + 1) * STACK, FIRST_FRAMES);
        make_context(&fibres[i].self, stacks + (size_t)i * STACK, entry);
    }
    for (int i = 0; i < n; i += EMU_WARP)
        warps[i / EMU_WARP] = { n - i < EMU_WARP ? n - i : EMU_WARP, 0, {} };
}

static uint32_t shuffled = 1;

static void order_threads(std::vector<int> &order, int how)
{
    if (how == 1)
        std::reverse(order.begin(), order.end());
    for (size_t i = order.size() - 1; how == 2 && i > 0; i--) {
        shuffled = shuffled * 1664525u + 1013904223u;
        std::swap(order[i], order[shuffled / 65536 % (i + 1)]);
    }
}

void emu_run_block(int n, int how, const std::function<void(int)> &thread)
{
    std::vector<int> order((size_t)n);

    body = &thread;
    begin(n);
    for (int i = 0; i < n; i++)
        order[(size_t)i] = i;
    order_threads(order, how);
    while (n_done < n) {
        bool has_moved = false;

        for (int i : order)
            if (fibres[i].at == READY) {
                has_moved = true;
                resume(i);
            }
        if (has_moved)
            continue;
        if (n_waiting == 0 || n_waiting + n_done < n)
            give_up("threads of a warp wait for others that have gone another way");
        if (n_done > 0)
            give_up("a barrier is not met by all threads");
        n_waiting = 0;
        for (int i = 0; i < n; i++)
            fibres[i].at = READY;
        order_threads(order, how == 2 ? 2 : 0);
    }
}
