/* One lane of a queue, whose owners come and go, which moves from ring to ring, and which is tidied up, for spin: lane_writer.cc,
 * queue_segment.cc and byte_queue.cc. queue.pml has the bound, large items and several lanes.
 *
 * What holds   An item that was put is taken once and in order, whatever ring it lies in. Nobody is stuck.
 * Processes    Two owners, one after the other; a getter; a tidier, which is a getter that waits (Trim, RetireLanes).
 * Rings        Ring 0 is the base ring. The others are memory of the arena, which is zero when it is taken.
 * Memory       The store of `used` may lie in its owner's store buffer, as in queue.pml.
 * Deaths       An owner or the tidier, at any step, up to DEATHS of them.
 * Broken       -DNO_...: each must be found out (queue_lanes_model_test).
 */
#ifndef ITEMS
#define ITEMS 1
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#ifndef TIDIES
#define TIDIES 1
#endif
#ifndef MOVES
#define MOVES 1 /* by owners */
#endif
#define NOBODY 0
#define TIDIER 3 /* 1 and 2 are the owners */
#define BASE 0
#define RINGS 3
#define HOPS 4 /* kLaneRings */
#define JUMP 2

byte head_hop, head_item; /* QueueLane::head, one word */
byte used;
bit open;                 /* limit: all, or nothing */
byte hop;
byte owner;
byte resets;
bit in_use;               /* its bit of lanes_in_use */
byte ring_at[HOPS];
byte sequence[RINGS * ITEMS]; /* 1: the item is there; JUMP: go on in the next ring */
#define SEQUENCE(r, t) sequence[(r) * ITEMS + (t)]
bit taken[RINGS];         /* the arena's */
byte lock = NOBODY;

bit ended[TIDIER + 1];
byte buffered; /* the live owner's store of `used`, or 0 */

/* What is only for the proof. */
byte got[ITEMS];
bit returned[ITEMS];
bit left[3]; /* that owner has let the lane go, or never will come for it */
byte deaths, moves;

inline Flush() {
  if
  :: buffered -> used = buffered; buffered = 0
  :: else -> skip
  fi
}
inline Lock() {
  atomic { (lock == NOBODY || ended[lock]) -> lock = self }
}
inline Unlock() { lock = NOBODY }

#define LIVES (owner != NOBODY && !ended[owner])
#define LAST_IN(h) (SEQUENCE(ring_at[(h) % HOPS], used - 1) == 1)
/* QueueSegment::Published */
#define PUBLISHED ((head_item >= used || LAST_IN(hop) || (head_hop != hop && LAST_IN(hop + HOPS - 1))) -> used : used - 1)
#define END (LIVES -> used : PUBLISHED)
#define OUTSTANDING (END > head_item)
/* QueueSegment::SettledHop */
#ifdef NO_SETTLE
#define SETTLED(t) (hop)
#else
#ifdef NO_LOOK_AT_HEAD
#define SETTLED(t) (hop + (t < ITEMS && SEQUENCE(ring_at[hop % HOPS], t) == JUMP))
#else
#define SETTLED(t) (hop + ((t < ITEMS && SEQUENCE(ring_at[hop % HOPS], t) == JUMP) || head_hop == hop + 1))
#endif
#endif
/* QueueSegment::ClearMark */
inline ClearMark(r, t) {
#ifndef NO_CLEAR
  if
  :: t < ITEMS -> SEQUENCE(r, t) = 0
  :: else -> skip
  fi
#else
  skip
#endif
}
/* Memory that is given back reads as zero. */
inline Free(r) { SEQUENCE(r, 0) = 0; SEQUENCE(r, ITEMS - 1) = 0; taken[r] = 0 }

/* LaneWriter::Load; the lock is held */
inline Load() {
  d_step { seen = resets; next = used; mine = SETTLED(next) };
  hop = mine
}

/* LaneWriter::MoveTo */
inline MoveTo(r) {
  ClearMark(r, next);
  ring_at[(mine + 1) % HOPS] = r;
  /* kQueueRingMade */
  d_step { Flush(); SEQUENCE(ring_at[mine % HOPS], next) = JUMP };
  /* kQueueRingMarked */
  mine++;
  hop = mine
}

proctype Owner(byte self) {
  byte next, mine, seen;
  bit begun;
  {
    /* QueueSegment::ClaimLane */
    atomic { (!LIVES && (lock == NOBODY || ended[lock])) -> lock = self };
    atomic { owner = self; buffered = 0 };
    /* kQueueLaneAdopted */
#ifndef NO_BIT
    in_use = 1;
#endif
    d_step { used = PUBLISHED };
    open = 0;
    Load();
    Unlock();
    do
    :: next < ITEMS ->
      /* LaneWriter::TryBegin */
      do
      :: d_step { Flush(); buffered = next + 1 };
        /* kQueuePutBegun */
        begun = open;
        if
        :: begun -> break
        :: else -> skip
        fi;
        d_step { buffered = 0; used = next };
        /* LaneWriter::BeginSlow */
        Lock();
#ifndef NO_RESETS
        if
        :: resets != seen -> Load()
        :: else -> skip
        fi;
#endif
        open = 1;
        Unlock()
      od;
      skip; /* LaneWriter::MakeReady */
      d_step {
        if
        :: head_hop == mine && taken[1] && ring_at[mine % HOPS] != 1 -> Free(1)
        :: else -> skip
        fi;
        if
        :: head_hop == mine && taken[2] && ring_at[mine % HOPS] != 2 -> Free(2)
        :: else -> skip
        fi
      };
      if
      :: moves < MOVES && mine - head_hop < HOPS - 1 && !taken[1] -> moves++; taken[1] = 1; MoveTo(1)
      :: moves < MOVES && mine - head_hop < HOPS - 1 && taken[1] && !taken[2] -> moves++; taken[2] = 1; MoveTo(2)
      :: moves < MOVES && head_hop == mine && ring_at[mine % HOPS] != BASE -> moves++; MoveTo(BASE)
      :: true -> skip
      fi;
      /* LaneWriter::Publish */
      d_step { Flush(); SEQUENCE(ring_at[mine % HOPS], next) = 1 };
      /* kQueuePutPublished */
      d_step { returned[next] = 1; next++; begun = 0 }
    :: break
    od;
    skip;
    d_step { Flush(); owner = NOBODY; left[self] = 1 } /* LaneWriter::LetGo */
  } unless {
    d_step { ended[self] -> next = 0; mine = 0; seen = 0; begun = 0 }
  }
}

/* QueueSegment::TrimStep, of the one lane. */
proctype Tidier(byte self) {
  byte next, settled, times;
  bit saved;
  {
    do
    :: times < TIDIES ->
      times++;
      Lock();
      d_step { saved = open; open = 0 };
#ifndef NO_HEAVY_FENCE
      d_step { Flush() };
#endif
      if
      :: OUTSTANDING -> open = saved
      :: else ->
        /* QueueSegment::ResetLane */
        next = head_item;
        if
        :: !LIVES -> used = next
        :: else -> skip
        fi;
        resets++;
        d_step { settled = SETTLED(next) };
        hop = settled;
        if
        :: ring_at[settled % HOPS] != BASE ->
#ifndef NO_HEAD_BEFORE_CLEAR
          head_hop = settled;
#endif
          settled++;
          ClearMark(BASE, next);
          ring_at[settled % HOPS] = BASE
        :: else -> skip
        fi;
        head_hop = settled;
        /* kQueueLaneReset */
        hop = settled;
        /* QueueSegment::Retire */
        if
        :: !LIVES -> open = 0; in_use = 0
        :: else -> skip
        fi;
        /* Arena::Sweep */
        d_step { Free(1); Free(2) }
      fi;
      skip;
      d_step { next = 0; settled = 0; saved = 0 };
      Unlock()
    :: break
    od
  } unless {
    d_step { ended[self] -> next = 0; settled = 0; times = 0; saved = 0 }
  }
}

#define HERE (head_item < ITEMS && SEQUENCE(ring_at[head_hop % HOPS], head_item))
#define FINISHED ((ended[1] || left[1]) && (ended[2] || left[2]))

proctype Getter() {
  byte h, i, r, s;
again:
  atomic {
    h = 0; i = 0; r = 0; s = 0;
    if
    :: in_use && HERE -> skip
    :: FINISHED && !(in_use && HERE) -> goto done
    fi
  };
  /* QueueGetter::TryLane */
  atomic { h = head_hop; i = head_item };
  r = ring_at[h % HOPS];
  s = (i < ITEMS -> SEQUENCE(r, i) : 0);
  if
  :: s == 1 ->
    atomic {
      if
      :: head_hop == h && head_item == i ->
        head_item++;
        got[i]++;
        assert(got[i] == 1)
      :: else -> skip
      fi
    }
  :: s == JUMP ->
    atomic {
      if
      :: head_hop == h && head_item == i -> head_hop++
      :: else -> skip
      fi
    }
    /* kQueueGetMoved */
  :: else -> skip
  fi;
  goto again;
done:
  skip; /* All that was put has been taken. */
  d_step {
    i = 0;
    do
    :: i < ITEMS -> assert(!returned[i] || got[i] == 1); i++
    :: else -> break
    od;
    i = 0
  }
}

/* The store buffer empties itself at some time. */
proctype Memory() {
end:
  do
  :: d_step { buffered -> Flush() }
  od
}

proctype Reaper() {
end:
  do
  :: break
  :: d_step { deaths < DEATHS && owner == 1 && !ended[1] -> deaths++; Flush(); ended[1] = 1 }
  :: d_step { deaths < DEATHS && owner == 2 && !ended[2] -> deaths++; Flush(); ended[2] = 1 }
  :: d_step { deaths < DEATHS && lock == TIDIER && !ended[TIDIER] -> deaths++; ended[TIDIER] = 1 }
  od
}

init {
  atomic {
    run Owner(1);
    run Owner(2);
    run Tidier(TIDIER);
    run Getter();
    run Memory();
    run Reaper()
  }
}
