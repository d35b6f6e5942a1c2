/* top.c - insertion into a short sorted list; of equal scores the lower index stays first. */
#include "sinks/top.h"

int em_top(int *top, int k, const float *scores, int n, const bool *is_shown, const float *thresholds)
{
    int n_top = 0;

    for (int c = 0; c < n; c++) {
        int at;

        if ((is_shown && !is_shown[c]) || (thresholds && scores[c] < thresholds[c]))
            continue;
        if (n_top == k && (k == 0 || !(scores[c] > scores[top[k - 1]])))
            continue;
        at = n_top < k ? n_top++ : k - 1;
        for (; at > 0 && scores[c] > scores[top[at - 1]]; at--)
            top[at] = top[at - 1];
        top[at] = c;
    }
    return n_top;
}
