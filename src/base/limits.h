/* limits.h - how large things may be, wherever they come from. */
#ifndef EM_BASE_LIMITS_H
#define EM_BASE_LIMITS_H

enum {
    EM_RATE_LEAST = 1000,           /* Hz                    */
    EM_RATE_MOST = 768000,
    EM_MOST_CLASSES = 10000,        /* of a model            */
    EM_MOST_LABEL = 255,            /* bytes of a class name */
};

#endif
