/* A barrier whose parties may die, for spin: barrier.{h,cc}.
 *
 * What holds   A turn ends in the same way for all that had arrived: released only if all parties had. When nothing can happen any more,
 *              no live process waits in a turn that has ended, or beside a party that is dead. Without deaths no tick (a look
 *              once a second) is needed.
 * Left out     The spinning before the sleep; actions, Abort and Reset. The lock is one word that a dead holder does not keep; a
 *              process that gives up gets it in time.
 * Deaths       At any step, up to DEATHS of them. GIVE_UPS waits end at their deadline.
 * Processes    PROCESSES, each waits once; PARTIES of them make a turn.
 * Steps        One per access to shared memory or system call of the lock's holder that others can see, named as in the code.
 * Broken       -DNO_...: a step left out. Each must be found out (barrier_model_test).
 */
#ifndef PROCESSES
#define PROCESSES 4
#endif
#ifndef PARTIES
#define PARTIES 3
#endif
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

mtype = { FREE, ARRIVED, RELEASED, FAILED, NONE };

byte lock = NOBODY;
mtype ending = NONE;
bit broken;
mtype slot[PROCESSES] = FREE; /* Of each process its own: which slot it takes makes no difference. */
byte turn;

bit dead[PROCESSES];
bit asleep[PROCESSES];

/* What is only for the proof. */
mtype outcome = NONE; /* Of the turn that is being ended. */
byte deaths;
byte given_up;

/* Before a step, and in one with it. */
inline MayDie() {
  if
  :: deaths < DEATHS -> deaths++; dead[self] = 1; asleep[self] = 0; goto end_dead
  :: true
  fi
}

inline CountArrived() {
  arrived = 0;
  someone_died = 0;
  i = 0;
  do
  :: i < PROCESSES ->
    if
    :: slot[i] == ARRIVED -> arrived++; someone_died = someone_died || dead[i]
    :: else
    fi;
    i++
  :: else -> break
  od;
  i = 0
}

/* GoOnEnding */
inline GoOnEnding() {
  atomic { /* kBarrierEnding */
    MayDie();
    broken = broken || ending == FAILED
  };
  i = 0;
  do
  :: i < PROCESSES ->
    atomic {
      MayDie();
      if
      :: slot[i] == ARRIVED ->
        assert(outcome == NONE || outcome == ending);
        outcome = ending;
        slot[i] = ending
      :: else
      fi;
      i++
    }
  :: else -> i = 0; break
  od;
#ifndef NO_TURN_LAST
  atomic { MayDie(); turn++ }; /* kBarrierMarked */
#endif
  atomic { MayDie(); ending = NONE; outcome = NONE }; /* kBarrierTurned */
#ifndef NO_WAKE
  atomic { /* NotifyAll */
    MayDie();
    do
    :: i < PROCESSES -> asleep[i] = 0; i++
    :: else -> i = 0; break
    od
  }
#endif
}

inline End(how) {
#ifdef NO_TURN_LAST
  atomic { MayDie(); turn++ };
#endif
  atomic { MayDie(); ending = how };
  GoOnEnding()
}

inline Enter() {
  atomic { lock == NOBODY || dead[lock] -> lock = self };
#ifndef NO_GOING_ON
  if
  :: ending != NONE -> GoOnEnding()
  :: else
  fi
#endif
}

inline BreakIfOneDied() {
  atomic { MayDie(); CountArrived() };
#ifndef NO_LOOK_FOR_THE_DEAD
  if
  :: someone_died -> End(FAILED)
  :: else
  fi
#endif
}

inline Leave() {
  atomic { MayDie(); lock = NOBODY }
}

proctype Party(byte self) {
  byte i, arrived, turn_then;
  bit someone_died, late;
again:
  Enter();
  BreakIfOneDied();
  if
  :: broken -> Leave(); goto end_dead
  :: else
  fi;
  atomic { MayDie(); CountArrived(); turn_then = turn };
  atomic { MayDie(); slot[self] = ARRIVED }; /* kBarrierArrived */
  if
  :: arrived + 1 >= PARTIES ->
    End(RELEASED);
    Leave();
    goto returns
  :: else
  fi;
  Leave();
  do
  :: turn != turn_then -> break
  :: else ->
    atomic { /* WaitPoint::Await */
      MayDie();
      if
      :: turn == turn_then -> asleep[self] = 1
      :: else
      fi
    };
end_asleep:
    if
    :: atomic { !asleep[self] }
    :: atomic { asleep[self] && given_up < GIVE_UPS -> given_up++; asleep[self] = 0; late = 1; break }
    :: atomic { asleep[self] && deaths < DEATHS -> deaths++; asleep[self] = 0; dead[self] = 1; goto end_dead }
    fi;
    if
    :: turn == turn_then -> /* The tick */
      Enter();
      BreakIfOneDied();
      Leave()
    :: else
    fi
  od;
  if
  :: late ->
    Enter();
    if
    :: slot[self] == ARRIVED ->
      atomic { MayDie(); slot[self] = FREE };
      End(FAILED);
      Leave();
      goto end_dead
    :: else
    fi;
    Leave()
  :: else
  fi;
returns:
  atomic { /* Outcome */
    MayDie();
    assert(slot[self] == RELEASED || slot[self] == FAILED);
    slot[self] = FREE
  };
end_dead:
  atomic { i = 0; arrived = 0; turn_then = 0; someone_died = 0; late = 0 }
}

/* A sleeper looks again after a second: long after everything that can happen by itself has happened. Then it checks the end, too. */
proctype Tick() {
  byte i, arrived, ticked_at; /* How many had died at the last tick. */
  bit someone_died;
end_tick:
  do
  :: atomic {
      timeout ->
      CountArrived();
      do
      :: i < PROCESSES ->
        assert(!(asleep[i] && slot[i] != ARRIVED && !EXCUSED));
        assert(!(asleep[i] && someone_died && !EXCUSED));
        assert(!(asleep[i] && arrived >= PARTIES && !EXCUSED));
        i++
      :: else -> i = 0; break
      od;
      if
#ifndef NO_TICK
      :: EXCUSED ->
        ticked_at = deaths;
        do
        :: i < PROCESSES -> asleep[i] = 0; i++
        :: else -> i = 0; break
        od
#endif
      :: else -> goto end_over
      fi
    }
  od;
end_over:
  skip
}

init {
  byte n;
  atomic {
    do
    :: n < PROCESSES -> run Party(n); n++
    :: else -> break
    od;
    run Tick()
  }
}
