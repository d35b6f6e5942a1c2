/* table.c - the kernels of the instruction set that this file is compiled for. */
#include "ops/cpu/isa/isa.h"

#define EM_TEXT_(x) #x
#define EM_TEXT(x)  EM_TEXT_(x)

const em_kernels EM_K(kernels) = {
    .name = EM_TEXT(EM_ISA),
    .lanes = LANES,
    .scan_channels = 2 * LANES,
    .gemm_panels = EM_K(gemm_panels),
    .gemm_panel_col = EM_K(gemm_panel_col),
    .gemm_floats = EM_K(gemm_floats),
    .gemm_pack = EM_K(gemm_pack),
    .gemm = EM_K(gemm),
    .gemm_unpack = EM_K(gemm_unpack),
    .prep_rows = EM_K(prep_rows),
    .add_row = EM_K(add_row),
    .dwconv_silu_rows = EM_K(dwconv_silu_rows),
    .conv_plane_row = EM_K(conv_plane_row),
    .scan_tile = EM_K(scan_tile),
    .scan_back = EM_K(scan_back),
    .scan_back_floats = EM_K(scan_back_floats),
    .scan_part_floats = EM_K(scan_part_floats),
    .scan_add_parts = EM_K(scan_add_parts),
};
