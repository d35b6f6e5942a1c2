// fibre.h - the threads of one block: fibres that give way at barriers and where a warp acts as one.
#ifndef EM_TESTS_GPU_EMU_FIBRE_H
#define EM_TESTS_GPU_EMU_FIBRE_H

#include <functional>
#include <stddef.h>

enum { EMU_WARP = 32, EMU_SLOT = 64 };

// Runs `thread` for threads 0..n-1, each a fibre, in the given order (emu.h). Ends the program with a sentence where
// threads wait for others that never come.
void emu_run_block(int n, int order, const std::function<void(int i)> &thread);

// Waits for all threads of the block.
void emu_barrier();

// Waits for all lanes of the warp; the last one calls act on what they brought, which each then takes home.
// slot: up to EMU_SLOT bytes of the caller's.
void emu_together(void *slot, size_t n_bytes, void (*act)(unsigned char slots[EMU_WARP][EMU_SLOT]));

// Which thread runs.
extern int emu_current;

#endif
