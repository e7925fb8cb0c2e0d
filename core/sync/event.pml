/* The event between processes that may die, for spin: event.{h,cc}, and what it uses of WaitPoint.
 *
 * What holds   Each process that waits when the event becomes set is released, although the event is cleared at once. A consumer that
 *              clears the event and then reads has seen the items of all setters. The tick (a look once a second) is needed only
 *              after the death of a setter between its step Set and its wake-up; and not any more once another setter came by,
 *              unless the dead one had taken the announcement back already.
 * Left out     The spinning before the sleep: a spinner only looks more often. FutexWake wakes all at once.
 * Deaths       Setters and waiters, at any step, up to DEATHS of them.
 * Processes    Two setters, two waiters, and one that clears at any time; with -DCONSUMER the second waiter is a consumer, and clears.
 * Steps        One per access to shared memory or system call, named as in the code; what stands in an atomic or d_step is one. A
 *              setter's item is a plain store, which may reach the others late: up to the setter's next locked instruction.
 * Broken       -DNO_...: a step left out. Each must be found out (event_model_test).
 */
#define SETTERS 2
#define WAITERS 2
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef GIVE_UPS
#define GIVE_UPS 0
#endif

/* EventLayout::state */
byte number;
bit is_set;
/* WaitPoint::sleeping_ */
byte notified;
bit announced;

bit asleep[WAITERS];
bit delayed[SETTERS]; /* The setter's item is written, and is yet to reach the others. */
bit item[SETTERS];

/* What is only for the proof. */
bit waits[WAITERS];  /* It is inside Wait, and found the event not set. */
bit owed[WAITERS];   /* The event became set since. */
bit set_by[SETTERS];  /* The setter's step Set is done. */
bit read_of[SETTERS]; /* The consumer has read the setter's item. */
bit left[SETTERS];    /* The setter's step Set is done, and neither it nor a later one has woken since. */
bit left_disarmed;    /* A setter is, or died, between taking the announcement back and waking. */
byte deaths;
byte given_up;

#define EXCUSED (left[0] || left[1] || left_disarmed)

/* Before a step, and in one with it. */
inline MayDie() {
  if
  :: deaths < DEATHS -> deaths++; goto dead
  :: true
  fi
}

/* The step that makes it set. */
inline BecomeSet() {
  if
  :: !is_set ->
    is_set = 1;
    number++;
    i = 0;
    do
    :: i < WAITERS -> owed[i] = owed[i] || waits[i]; i++
    :: else -> break
    od;
    i = 0
  :: else -> was_set = 1
  fi
}

inline WakeAll() {
  i = 0;
  do
  :: i < WAITERS -> asleep[i] = 0; i++
  :: else -> break
  od;
  i = 0
}

/* WaitPoint::Disarm */
inline Disarm() {
  if
  :: announced ->
    announced = 0;
    disarmed = 1;
#ifndef NO_COUNT
    notified++
#endif
  :: else
  fi
}

proctype Setter(byte self) {
  byte i;
  bit was_set, sleepers, disarmed, covers[SETTERS];
#ifdef NO_ORDER
  sleepers = announced;
#endif
  atomic { /* compare_exchange on state */
    MayDie();
#ifdef NO_WRITE_IF_SET
    if
    :: is_set -> delayed[self] = 1
    :: else -> item[self] = 1
    fi;
#else
    item[self] = 1;
#endif
    BecomeSet();
    set_by[self] = 1;
    left[self] = 1
  };
  atomic { /* kEventSet; anybody_sleeps */
    MayDie();
#ifndef NO_ORDER
    sleepers = announced;
#endif
#ifdef NO_WAKE_IF_SET
    sleepers = sleepers && !was_set;
#endif
#ifdef NO_WAKE
    sleepers = 0;
#endif
    covers[0] = left[0];
    covers[1] = left[1];
    if
    :: sleepers
    :: else -> goto woken
    fi
  };
#ifdef NO_DISARM_FIRST
  atomic { MayDie(); WakeAll() };
  atomic { MayDie(); Disarm() };
#else
  atomic {
    MayDie();
    Disarm();
    left_disarmed = left_disarmed || disarmed
  };
  atomic { /* kNotifyDisarmed; FutexWake */
    MayDie();
    WakeAll();
    left_disarmed = left_disarmed && !disarmed
  };
#endif
woken:
  atomic {
    left[0] = left[0] && !covers[0];
    left[1] = left[1] && !covers[1]
  };
dead:
  atomic { i = 0; was_set = 0; sleepers = 0; disarmed = 0; covers[0] = 0; covers[1] = 0 }
}

/* Await's `ready`. */
inline Look() {
#ifdef NO_NUMBER
  found = is_set
#else
  found = (number != before)
#endif
}

inline Wait() {
  atomic {
    MayDie();
    before = number;
    found = is_set;
    waits[self] = !is_set
  };
  do
  :: found -> break
  :: else ->
    atomic {
      MayDie();
      announced = 1;
      armed = notified
    };
#ifndef NO_LOOK
    atomic { /* kWaitAnnounced; AsymmetricFenceHeavy */
      MayDie();
      Look();
      if
      :: found -> break
      :: else
      fi
    };
#endif
    atomic { /* FutexWait */
      MayDie();
      if
      :: announced && notified == armed -> asleep[self] = 1
      :: else
      fi;
      armed = 0
    };
    if
    :: atomic { !asleep[self] -> announced = 1 } /* kWaitWoken */
    :: atomic { asleep[self] && given_up < GIVE_UPS -> given_up++; asleep[self] = 0; announced = 1; late = 1 }
    :: atomic { asleep[self] && deaths < DEATHS -> deaths++; goto dead }
    :: atomic { timeout && asleep[self] && !owed[self] -> goto over }
    fi;
    atomic {
      MayDie();
      Look();
      if
      :: !found && late -> assert(!owed[self]); break
      :: else
      fi
    }
  od;
  atomic {
    waits[self] = 0;
    owed[self] = 0;
    late = 0;
    before = 0;
    found = 0
  }
}

proctype Waiter(byte self) {
  byte before, armed;
  bit found, late;
  Wait();
dead:
over:
  atomic { asleep[self] = 0; waits[self] = 0; owed[self] = 0; before = 0; armed = 0; found = 0; late = 0 }
}

#ifdef CONSUMER
/* Waits, clears and reads, again and again. */
proctype Consumer(byte self) {
  byte before, armed;
  bit found, late;
  do
  :: Wait();
    is_set = 0; /* Clear */
    d_step {
      read_of[0] = read_of[0] || item[0];
      read_of[1] = read_of[1] || item[1]
    }
  od;
over:
  /* Nothing can happen any more, and nobody sets the event. */
  assert(!set_by[0] || read_of[0]);
  assert(!set_by[1] || read_of[1]);
dead:
  atomic { asleep[self] = 0; waits[self] = 0; owed[self] = 0 }
}
#else
proctype Clearer() {
end:
  do
  :: atomic { is_set -> is_set = 0 }
  od
}
#endif

/* What a processor keeps back reaches the others in the end. */
proctype Memory() {
end:
  do
  :: atomic { delayed[0] -> delayed[0] = 0; item[0] = 1 }
  :: atomic { delayed[1] -> delayed[1] = 0; item[1] = 1 }
  od
}

/* A sleeper looks again after a second: long after everything that can happen by itself has happened. */
proctype Tick() {
  byte i;
end:
  do
#ifndef NO_TICK
  :: atomic { timeout && EXCUSED -> WakeAll() }
#else
  :: false
#endif
  od
}

init {
  atomic {
    run Setter(0);
    run Setter(1);
    run Waiter(0);
    run Tick();
#ifdef CONSUMER
    run Memory();
    run Consumer(1)
#else
    run Clearer();
    run Waiter(1)
#endif
  }
}
