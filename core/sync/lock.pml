/* The lock between processes that may die, for spin: lock_cell.{h,cc}, and what it uses of Family and Life.
 *
 * What holds   One at most has the lock. Who acquires it is told of a dead holder exactly where there was one. Nobody sleeps for ever;
 *              and the tick (a look once a second) is needed only after the death of one that had been woken, or that had the lock
 *              after a sleep: then others may still sleep beside an earlier holder. Any other death wakes by itself.
 * Deaths       Any process, at any step, up to DEATHS of them. A process that ends is dead too.
 * Steps        One per access to shared memory or system call, named as in the code; what stands in an atomic is one.
 * Broken       -DNO_...: a step of the repair left out. Each must be found out (lock_model_test).
 */
#ifndef PROCESSES
#define PROCESSES 3
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#ifndef GIVE_UPS
#define GIVE_UPS 0
#endif
#define SIZE (PROCESSES + 1)
#define FREE 0

byte holder = FREE; /* word_ & kMemberMask: 1..PROCESSES */
bit waiters;        /* word_ & kWaiters */

bit ended[SIZE];        /* Life: the kernel's mark */
bit life_waiters[SIZE]; /* Life: FUTEX_WAITERS */
byte beside[SIZE];      /* whose Life the process sleeps beside, and on word_; FREE: it doesn't sleep */

/* What is only for the proof. */
byte owed;             /* who died holding it, of whom nobody has been told yet */
bit inside[SIZE];      /* has it, as far as it knows */
bit woken[SIZE];       /* a wake-up was given to it, and it has not passed on what hangs on that */
bit after_sleep[SIZE]; /* it got the lock in its turn, having slept, and has not released it and woken another */
bit excused;           /* the tick may be needed */
byte deaths;
byte given_up;

inline GiveWake(i) {
  beside[i] = FREE;
  woken[i] = 1
}

/* FutexWake(word_, 1) */
inline WakeOne() {
  atomic {
    if
      ::beside[1] != FREE->GiveWake(1)::beside[2] != FREE->GiveWake(2)::beside[3] !=
          FREE->GiveWake(3)
#if PROCESSES > 3
              ::beside[4] !=
          FREE->GiveWake(4)
#endif
              ::else->skip fi
  }
}

inline WakeOneBeside(m) {
  if
    ::beside[1] == m->GiveWake(1)::beside[2] == m->GiveWake(2)::beside[3] ==
        m->GiveWake(3)
#if PROCESSES > 3
            ::beside[4] ==
        m->GiveWake(4)
#endif
            ::else->skip fi
}

/* Family::WakeOthers(m) */
inline WakeOthers(m) {
  d_step {
    j = 1;
    do ::j < SIZE&& beside[j] == m->GiveWake(j);
    j++ ::j < SIZE&& beside[j] != m->j++ ::else->break od;
    j = 0
  }
}

/* The kernel, at the end of process m: marks its Life, and wakes one who sleeps beside it. */
inline End(m) {
  ended[m] = 1;
  inside[m] = 0;
  beside[m] = FREE;
  woken[m] = 0;
  after_sleep[m] = 0;
#ifndef NO_WAKE_AT_DEATH
  if
    ::life_waiters[m]->WakeOneBeside(m)::else->skip fi
#endif
}

/* The lock is ours by this very step. */
inline Got(told) {
  assert(!inside[1] && !inside[2] && !inside[3]);
#if PROCESSES > 3
  assert(!inside[4]);
#endif
  assert(owed == told);
  owed = FREE;
  inside[self] = 1
}

inline Acquire() {
  mine = 0;
  may_give_up = 0;
  atomic {
    if
      ::holder == FREE&& !waiters->holder = self;
    Got(FREE);
    goto have ::else->skip fi
  };
look:
  atomic {
    seen = holder;
    seen_waiters = waiters
  };
  if
    ::seen == FREE->atomic {
      if
        ::holder == seen&& waiters == seen_waiters->holder = self;
      waiters = mine;
      Got(FREE);
      after_sleep[self] = woken[self] || slept;
      woken[self] = 0;
      goto have ::else->goto look fi
    }
  ::seen != FREE&& ended[seen]->atomic {
    if
#ifdef NO_COMPARE
      ::true->
#else
      ::holder == seen&& waiters ==
          seen_waiters->
#endif
          holder = self;
    waiters = 1;
    Got(seen);
    after_sleep[self] = 0 ::else->goto look fi
  };
    /* kLockTakenOver */
#ifndef NO_WAKE_OTHERS
  WakeOthers(seen);
#endif
  woken[self] = 0;
  goto have ::seen != FREE && !ended[seen]->skip fi;
  if
    ::may_give_up->woken[self] = 0;
  goto done ::else->skip fi;
  if
    ::!seen_waiters->atomic {
      if
        ::holder == seen&& waiters == 0->waiters = 1 ::else->goto look fi
    }
  ::else->skip fi;
#ifndef NO_MARK_OF_WAITERS
  mine = 1;
#endif
  /* kLockWaiting; Life::WaitBeside: the mark, and a look at the word that got it */
  atomic {
    life_waiters[seen] = 1;
    gone = ended[seen]
  };
  atomic { /* futex_waitv on both words */
    if
      ::!gone && holder == seen && waiters && !ended[seen]->beside[self] = seen;
    woken[self] = 0;
    slept = 1 ::else->goto look fi
  };
  atomic {
    if
      ::beside[self] == FREE->skip ::beside[self] != FREE&& given_up < GIVE_UPS->given_up++;
    beside[self] = FREE;
    may_give_up = 1 /* the deadline */
        fi
  };
  goto look;
have:
  skip
}

inline Release() {
  atomic {
    assert(holder == self);
    seen_waiters = waiters;
    holder = FREE;
    waiters = 0;
    inside[self] = 0
  };
    /* kLockReleased */
#ifndef NO_WAKE
  if
    ::seen_waiters->WakeOne()::else->skip fi;
#endif
  after_sleep[self] = 0
}

proctype Process(byte self) {
  byte seen, j, round;
  bit seen_waiters, mine, gone, slept, may_give_up;
  {
    do ::round < ROUNDS->round++;
    slept = 0;
    Acquire();
    Release();
    seen = FREE;
    seen_waiters = 0;
    gone = 0 ::else->break od;
  done:
    atomic { End(self) }
  }
  unless {
    d_step {
      ended[self]->seen = 0;
      j = 0;
      round = 0;
      seen_waiters = 0;
      mine = 0;
      gone = 0;
      slept = 0;
      may_give_up = 0
    }
  }
}

inline Die(i) {
  deaths++;
  excused = excused || woken[i] || after_sleep[i] || given_up > 0;
  if
    ::holder == i->owed = i ::else->skip fi;
  End(i)
}

proctype Reaper(){
  end : do ::break ::atomic{deaths < DEATHS && !ended[1]->Die(1)} ::atomic{
      deaths < DEATHS && !ended[2]->Die(2)} ::atomic{deaths < DEATHS && !ended[3]->Die(3)}
#if PROCESSES > 3
  ::atomic{deaths < DEATHS && !ended[4]->Die(4)}
#endif
  od
}

/* A sleeper looks again after a second: long after everything that can happen by itself has happened. */
proctype Tick() {
  byte j;
end:
  do
#ifndef NO_TICK
    ::atomic {
      timeout&& excused->j = 1;
      do ::j < SIZE->beside[j] = FREE;
      j++ ::else->break od;
      j = 0
    }
#else
    ::false
#endif
  od
}

init {
  atomic {
    run Process(1);
    run Process(2);
    run Process(3);
#if PROCESSES > 3
    run Process(4);
#endif
    run Reaper();
    run Tick()
  }
}
