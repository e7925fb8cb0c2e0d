/* The waiters of a condition that may die, for spin: waiter_list.{h,cc}, and what condition.cc does with it.
 *
 * What holds   A notification is neither lost nor doubled: at each moment as many have been given as have had their effect or lie in a
 *              slot. When nothing can happen any more, no live process waits while a notification has no owner, and each
 *              notified process that lives has returned. Without deaths no tick (a look once a second) is needed.
 * Left out     The spinning before the sleep. The numbers do not wrap. The lock is one word that a dead holder does not keep.
 * Deaths       Waiters and notifiers, at any step, up to DEATHS of them. GIVE_UPS waits end at their deadline.
 * Processes    WAITERS (three) waiters, and two notifiers that notify one waiter each; with -DALL the second one notifies all.
 * Steps        One per access to a slot's word or system call, named as in the code. A scan over all slots is one step: each decision
 *              that follows from it is checked again by a compare-and-exchange.
 * Broken       -DNO_...: a step left out. Each must be found out (condition_model_test).
 */
#ifndef WAITERS
#define WAITERS 3
#endif
#define NOTIFIERS 2
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef GIVE_UPS
#define GIVE_UPS 0
#endif
#ifdef NO_TICK
#define EXCUSED 0
#else
#define EXCUSED (deaths > ticked_at)
#endif
#define NOBODY 9
#define NONE 9

mtype = { FREE, WAITING, NOTIFIED, WITH_ALL };

/* WaiterList: a slot's word is {state, owner}. */
mtype state[WAITERS] = FREE;
byte owner[WAITERS];
byte number[WAITERS];
byte next_number;

byte lock = NOBODY;
bit dead[WAITERS + NOTIFIERS];
bit asleep[WAITERS];

/* What is only for the proof. */
byte slot_of[WAITERS] = NONE; /* Of a process that waits. */
byte given;                   /* Notifications, but for those of all. */
byte had_effect;
byte deaths;
byte given_up;

/* Before a step, and in one with it. */
inline MayDie() {
  if
  :: deaths < DEATHS -> deaths++; dead[self] = 1; goto end_dead
  :: true
  fi
}

inline Acquire() {
  atomic { lock == NOBODY || dead[lock] -> lock = self }
}

inline Count() {
  d_step {
    held = 0;
    i = 0;
    do
    :: i < WAITERS -> held = held + (state[i] == NOTIFIED -> 1 : 0); i++
    :: else -> break
    od;
    assert(given == had_effect + held);
    i = 0;
    held = 0
  }
}

/* WaiterList::First */
inline FindFirst() {
  first = NONE;
  i = 0;
  do
  :: i < WAITERS ->
    if
    :: state[i] == WAITING && !dead[owner[i]] && (first == NONE || number[i] < number[first]) -> first = i
    :: else
    fi;
    i++
  :: else -> break
  od;
  i = 0
}

#define OWNERLESS(s) (state[s] == NOTIFIED && (owner[s] == NOBODY || dead[owner[s]]))

inline FindOwnerless() {
  ownerless = NONE;
  i = 0;
  do
  :: i < WAITERS ->
    if
    :: OWNERLESS(i) -> ownerless = i; break
    :: else -> i++
    fi
  :: else -> break
  od;
  i = 0
}

/* FutexWake of a slot: its process looks again. */
inline Wake(s) {
  if
  :: s != NONE && state[s] != FREE && owner[s] < WAITERS && slot_of[owner[s]] == s -> asleep[owner[s]] = 0
  :: else
  fi
}

proctype Notifier(byte self) {
  byte i, first, ownerless, held;
  Acquire();
#ifdef ALL
  if
  :: self == WAITERS + 1 ->
    first = 0;
    do
    :: first < WAITERS ->
      atomic {
        MayDie();
        if
        :: state[first] == WAITING && !dead[owner[first]] -> state[first] = WITH_ALL
        :: else
        fi
      };
      atomic { MayDie(); Wake(first) };
      first++
    :: else -> break
    od;
    goto release
  :: else
  fi;
#endif
again:
  atomic { MayDie(); FindFirst() };
  if
  :: first == NONE -> goto release
  :: else
  fi;
  atomic { /* NotifySlot */
    MayDie();
    if
#ifdef NO_COMPARE
    :: true -> given++; state[first] = NOTIFIED
#else
    :: state[first] == WAITING && !dead[owner[first]] -> given++; state[first] = NOTIFIED
    :: else -> goto again
#endif
    fi;
    Count()
  };
#ifndef NO_WAKE
  atomic { MayDie(); Wake(first) }; /* kWaiterNotified */
#endif
  atomic { MayDie(); FindOwnerless(); FindFirst() };
  if
  :: ownerless != NONE -> atomic { MayDie(); Wake(first) }
  :: else
  fi;
release:
  atomic { MayDie(); lock = NOBODY };
end_dead:
  atomic { i = 0; first = 0; ownerless = 0; held = 0 }
}

proctype Waiter(byte self) {
  byte i, slot, first, ownerless, held, seen_owner;
  bit late;
  Acquire();
  atomic { /* Join: number */
    MayDie();
    slot = 0;
    do
    :: state[slot] == FREE || ((state[slot] == WAITING || state[slot] == WITH_ALL) && dead[owner[slot]]) -> break
    :: else -> slot++; if :: slot == WAITERS -> goto end_dead :: else fi
    od;
    number[slot] = next_number;
    next_number++
  };
  atomic { MayDie(); owner[slot] = self; state[slot] = WAITING; slot_of[self] = slot }; /* kWaiterJoins */
  atomic { MayDie(); lock = NOBODY };
  do /* Await */
  :: state[slot] != WAITING -> break
  :: else ->
#ifndef NO_TAKE_OVER
    atomic { MayDie(); FindOwnerless(); FindFirst() };
    if
    :: ownerless != NONE && first != slot -> atomic { MayDie(); Wake(first) }
    :: ownerless != NONE && first == slot ->
      atomic {
        MayDie();
        if
#ifdef NO_COMPARE_OF_OWNERLESS
        :: true -> state[ownerless] = NOTIFIED; owner[ownerless] = self
#else
        :: OWNERLESS(ownerless) -> owner[ownerless] = self
#endif
        :: else -> ownerless = NONE
        fi;
        Count()
      };
      if
      :: ownerless != NONE ->
        atomic { /* kNotificationTakenOver */
          MayDie();
          if
          :: state[slot] == WAITING -> state[slot] = FREE; slot = ownerless; slot_of[self] = slot; break
          :: else
          fi
        };
#ifndef NO_GIVING_BACK
        atomic { MayDie(); owner[ownerless] = NOBODY };
        atomic { MayDie(); FindFirst() };
        atomic { MayDie(); Wake(first) };
#endif
        break
      :: else
      fi
    :: else
    fi;
#endif
    if
    :: late ->
      atomic { /* The deadline */
        MayDie();
        if
        :: state[slot] == WAITING -> state[slot] = FREE; goto given_up_
        :: else -> break
        fi
      }
    :: else
    fi;
    atomic { /* FutexWait */
      MayDie();
      if
      :: state[slot] == WAITING && !late -> asleep[self] = 1
      :: else
      fi
    };
end_asleep:
    if
    :: atomic { !asleep[self] }
    :: atomic { asleep[self] && given_up < GIVE_UPS -> given_up++; asleep[self] = 0; late = 1 }
    :: atomic { asleep[self] && deaths < DEATHS -> deaths++; dead[self] = 1; goto end_dead }
    fi
  od;
  Acquire();
  atomic { /* Leave */
    MayDie();
    had_effect = had_effect + (state[slot] == NOTIFIED -> 1 : 0);
    state[slot] = FREE;
    slot_of[self] = NONE;
    Count()
  };
  goto release;
given_up_:
  atomic { slot_of[self] = NONE; skip };
  Acquire();
release:
  atomic { MayDie(); lock = NOBODY };
end_dead:
  atomic { asleep[self] = 0; i = 0; slot = 0; first = 0; ownerless = 0; held = 0 }
}

/* A sleeper looks again after a second: long after everything that can happen by itself has happened. Then it checks the end, too. */
proctype Tick() {
  byte i, first, ownerless;
  byte ticked_at; /* How many had died at the last tick. */
end_tick:
  do
  :: atomic {
      timeout ->
      FindOwnerless();
      FindFirst();
      i = 0;
      do
      :: i < WAITERS ->
        /* A notified process that lives and sleeps was not woken: only a death excuses that, and only until the tick. */
        assert(!(asleep[i] && state[slot_of[i]] != WAITING && !EXCUSED));
        i++
      :: else -> break
      od;
      i = 0;
      do
      :: i < WAITERS ->
        /* Nobody keeps a notification that it did not return with. */
        assert(!(state[i] == NOTIFIED && owner[i] < WAITERS && !dead[owner[i]] && slot_of[owner[i]] != i));
        i++
      :: else -> break
      od;
      i = 0;
      assert(!(ownerless != NONE && first != NONE && !EXCUSED));
      if
#ifndef NO_TICK
      :: EXCUSED ->
        ticked_at = deaths;
        do
        :: i < WAITERS -> asleep[i] = 0; i++
        :: else -> break
        od
#endif
      :: else -> goto end_over
      fi;
      i = 0
    }
  od;
end_over:
  skip
}

init {
  atomic {
    run Waiter(0);
    run Waiter(1);
#if WAITERS > 2
    run Waiter(2);
#endif
    run Notifier(WAITERS);
    run Notifier(WAITERS + 1);
    run Tick()
  }
}
