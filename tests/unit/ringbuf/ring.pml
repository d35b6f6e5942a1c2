/* The ring's algorithm under every interleaving (sequential consistency; the orders are stress.c's matter).
 *
 * Capacity 4, indices modulo 8 that start at 6, so that full, empty and both wraps are reached. The producer
 * offers blocks of 1 or 2 frames numbered 0..N-1, dropping those that do not fit; the consumer takes what it
 * sees and adds what the marks say is missing. Every frame must come with its own number or be counted.
 * -DBREAK_FULL and -DBREAK_MARK each plant a mistake that the model must find. */
#define CAPACITY 4
#define INDICES  8
#define MARKS    2
#define N        9

#define MINUS(a, b) (((a) + INDICES - (b)) % INDICES)

#ifdef BREAK_FULL
#define ROOM (CAPACITY + 1)
#else
#define ROOM CAPACITY
#endif

byte slots[CAPACITY];
byte w = 6, r = 6;                      /* published indices of frames and of marks */
byte mark_w = 6, mark_r = 6;
byte mark_at[MARKS], mark_n[MARKS];
byte n_dropped;
bool is_done;

active proctype producer()
{
    byte k = 0, n, seen, gap = 0;

    do
    :: k < N ->
        if
        :: n = 1
        :: k + 1 < N -> n = 2
        fi;
        seen = r;                                       /* the one load of the other side's index */
        if
        :: MINUS(w, seen) + n <= ROOM ->
            if
            :: gap > 0 ->
                seen = mark_r;
                if
                :: MINUS(mark_w, seen) == MARKS -> goto drop
                :: else
                fi;
#ifdef BREAK_MARK
                slots[w % CAPACITY] = k;
                w = (w + 1) % INDICES;
                k++; n--;
#endif
                mark_at[mark_w % MARKS] = w;
                mark_n[mark_w % MARKS] = gap;
                mark_w = (mark_w + 1) % INDICES;
                gap = 0
            :: else
            fi;
            slots[w % CAPACITY] = k;                    /* two steps: the consumer may look between them */
            if
            :: n == 2 -> slots[(w + 1) % CAPACITY] = k + 1
            :: else
            fi;
            w = (w + n) % INDICES;
            k = k + n
        :: else ->
drop:       gap = gap + n;
            n_dropped = n_dropped + n;
            k = k + n
        fi
    :: else -> break
    od;
    do
    :: gap > 0 && MINUS(mark_w, mark_r) < MARKS ->
        mark_at[mark_w % MARKS] = w;
        mark_n[mark_w % MARKS] = gap;
        mark_w = (mark_w + 1) % INDICES;
        gap = 0
    :: gap == 0 -> break
    od;
    is_done = true
}

active proctype consumer()
{
    byte k = 0, n, m, missing = 0;
    bool was_done;

    do
    :: was_done = is_done;
        n = MINUS(w, r);                                /* frames first, then marks */
        m = MINUS(mark_w, mark_r);
        assert(n <= CAPACITY && m <= MARKS);
        if
        :: m > 0 && MINUS(mark_at[mark_r % MARKS], r) < n -> n = MINUS(mark_at[mark_r % MARKS], r)
        :: else
        fi;
        if
        :: n > 0 ->
            assert(slots[r % CAPACITY] == k);
            k++;
            r = (r + 1) % INDICES
        :: n == 0 && m > 0 && mark_at[mark_r % MARKS] == r ->
            k = k + mark_n[mark_r % MARKS];
            missing = missing + mark_n[mark_r % MARKS];
            mark_r = (mark_r + 1) % INDICES
        :: else ->
            if
            :: was_done -> break
            :: else
            fi
        fi
    od;
    assert(k == N && missing == n_dropped)
}
