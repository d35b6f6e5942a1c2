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
    .gemm_pack_back = EM_K(gemm_pack_back),
    .gemm = EM_K(gemm),
    .gemm_unpack = EM_K(gemm_unpack),
    .prep_rows = EM_K(prep_rows),
    .add_row = EM_K(add_row),
    .dwconv_silu_rows = EM_K(dwconv_silu_rows),
    .conv_plane_row = EM_K(conv_plane_row),
    .scan_tile = EM_K(scan_tile),
    .attention_fwd = EM_K(attention_fwd),
    .strip = MR2,
    .outer_pack_strips = EM_K(outer_pack_strips),
    .outer_pack_panels = EM_K(outer_pack_panels),
    .outer = EM_K(outer),
    .gelu_slope_rows = EM_K(gelu_slope_rows),
    .rows_back = EM_K(rows_back),
    .conv_plane_back = EM_K(conv_plane_back),
    .silu_back = EM_K(silu_back),
    .dwconv_back_rows = EM_K(dwconv_back_rows),
    .scan_back = EM_K(scan_back),
    .scan_back_floats = EM_K(scan_back_floats),
    .scan_part_floats = EM_K(scan_part_floats),
    .scan_add_parts = EM_K(scan_add_parts),
    .attention_bwd = EM_K(attention_bwd),
};
