/* plot_cairo.c - the table of the module: see plot_ops.h. */
#include "train/plot_ops.h"

#include "base/page.h"

const em_plot_ops em_plot_cairo = { em_page_check, em_cairo_pr, em_cairo_confusion, em_cairo_training };
