/** The jobs of child_actor, a child that does what it is told to (child_actor.c). */
#ifndef PV_CHILD_ACTOR_H
#define PV_CHILD_ACTOR_H

enum child_actor_job {
    ACTOR_ECHO,
    ACTOR_HANG, /* whatever it is told */
    ACTOR_CRASH,
    ACTOR_EXIT, /* with last words */
    ACTOR_UNTIL_STOPPED,
    ACTOR_FAIL,
    ACTOR_BREAK,        /* fails with PV_DEVICE */
    ACTOR_SURROUNDINGS, /* what it inherited */
    ACTOR_ADD_UP,       /* shared bytes: body u32 their number; answers their sum */
    ACTOR_GRANDCHILD,   /* answers its pid */
    ACTOR_ESCAPED_GRANDCHILD,
    ACTOR_LARGE,  /* answers CHILD_ANSWER_MAX bytes */
    ACTOR_CHATTER /* 2 MB to stderr */
};

#endif
