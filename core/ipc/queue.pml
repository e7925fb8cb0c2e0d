/* A bounded queue between processes that may die, for spin: lane_writer.cc, byte_queue.cc and queue_segment.cc. Waiting is
 * wait_point.cc's part: who finds nothing here looks again once there is something.
 *
 * What holds   An item that was put is taken once, whole, and in its producer's order; so it is lost only with who took it. At no time more than CAPACITY are in the queue. Nobody is stuck: places that the dead had taken come back.
 * Memory       A producer's store of `used` may lie in its store buffer while it loads `limit` (AsymmetricFenceLight is no fence);
 *              AsymmetricFenceHeavy empties the buffers of all. A death empties its own.
 * Deaths       Any process, at any step, up to DEATHS of them. Steps are named as in the code; what stands in an atomic is one.
 * Items        The last of each producer's is large, but with -DSMALL: its extent's word decides who has it, and others help the
 *              head along.
 * Broken       -DNO_... and the like: each must be found out (queue_model_test).
 */
#ifndef CAPACITY
#define CAPACITY 1
#endif
#ifndef ITEMS
#define ITEMS 2 /* of each producer */
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef GETTERS
#define GETTERS 2
#endif
#define NOBODY 0
#define PUTTERS 2
#define SIZE 5 /* putters 1 and 2, who own the lanes of that number; getters 3 and 4 */
#ifdef SMALL
#define IS_LARGE(t) (0)
#else
#define IS_LARGE(t) (t == ITEMS - 1)
#endif

typedef Lane {
  byte head;
  byte used;              /* as others see it */
  byte limit;
  bit written[ITEMS];     /* the payload */
  bit sequence[ITEMS];    /* the item is there */
  bit extent[ITEMS];      /* of a large item: kQueued, not yet kOwned */
};
Lane lane[PUTTERS + 1];
byte lock = NOBODY; /* QueueSegment::Lock: LockCell, whose holder's death is seen to */

bit ended[SIZE];
bit buffered[PUTTERS + 1]; /* a store of `used` is in the producer's buffer: used + 1 */

/* What is only for the proof. */
byte got[PUTTERS * ITEMS]; /* times that somebody took the item */
byte returned[PUTTERS + 1]; /* puts that said OK */
byte deaths;
byte getters_left = GETTERS;
#define GOT(l, t) got[(l - 1) * ITEMS + t]

inline Flush(l) {
  lane[l].used = lane[l].used + buffered[l];
  buffered[l] = 0
}
#ifdef NO_HEAVY_FENCE
#define AsymmetricFenceHeavy() skip
#else
inline AsymmetricFenceHeavy() {
  d_step { Flush(1); Flush(2) }
}
#endif

/* QueueSegment::Published, of a lane whose owner is dead */
#ifdef NO_REPAIR
#define PUBLISHED(l) (lane[l].used)
#else
#define PUBLISHED(l) ((lane[l].used > lane[l].head && !lane[l].sequence[lane[l].used - 1]) -> lane[l].used - 1 : lane[l].used)
#endif
#define MAX(a, b) ((a > b) -> (a) : (b))
#define CLAIMED(l) (MAX(lane[l].limit, lane[l].used) > lane[l].head -> MAX(lane[l].limit, lane[l].used) - lane[l].head : 0)
#define END(l) (ended[l] -> PUBLISHED(l) : lane[l].used)
#define OUTSTANDING(l) (END(l) > lane[l].head -> END(l) - lane[l].head : 0)
/* LaneWriter::MaybeRoom */
#define MAYBE_ROOM (OUTSTANDING(1) + OUTSTANDING(2) < CAPACITY)

inline Lock() {
  atomic { (lock == NOBODY || ended[lock]) -> lock = self }
}
inline Unlock() { lock = NOBODY }

/* LaneWriter::TryBegin; `begun` says whether */
inline TryBegin() {
  d_step { Flush(self); buffered[self] = 1 };
  /* kQueuePutBegun */
  atomic {
    if
    :: lane[self].limit <= next -> begun = 0
    :: else -> begun = 1
    fi
  };
  if
  :: !begun -> atomic { buffered[self] = 0; lane[self].used = next }
  :: else -> skip
  fi
}

/* LaneWriter::TakeCredit; the lock is held. `granted` says whether */
inline TakeCredit() {
  d_step {
    total = next - lane[self].head;
    spare = 0;
    if
    :: ended[other] -> lane[other].used = PUBLISHED(other); lane[other].limit = 0
    :: else -> spare = (lane[other].limit > lane[other].used)
    fi;
    total = total + CLAIMED(other)
  };
  if
  :: total >= CAPACITY && spare ->
    d_step {
      if
      :: lane[other].limit > lane[other].used -> lane[other].limit = lane[other].used
      :: else -> skip
      fi
    };
    /* kQueueCreditLowered */
    AsymmetricFenceHeavy();
    d_step { total = next - lane[self].head + CLAIMED(other) }
  :: else -> skip
  fi;
  if
  :: total >= CAPACITY -> granted = 0
  :: else ->
    d_step {
      granted = 1;
      if
      :: ended[other] -> lane[self].limit = next + (CAPACITY - total)
      :: else -> lane[self].limit = next + MAX(1, (CAPACITY - total) / 2)
      fi
    }
    /* kQueueCreditTaken */
  fi;
  d_step { total = 0; spare = 0 }
}

#define IN_QUEUE(l) ((lane[l].sequence[0] && lane[l].head == 0) + (ITEMS > 1 && lane[l].sequence[1] && lane[l].head <= 1))

proctype Putter(byte self; byte other) {
  byte next, total;
  bit begun, granted, spare;
  {
    do
    :: next < ITEMS ->
put:
      TryBegin();
      do
      :: begun -> break
      :: !begun ->
        /* LaneWriter::BeginSlow */
        Lock();
        granted = 1;
        if
        :: lane[self].limit <= next -> TakeCredit()
        :: else -> skip
        fi;
        Unlock();
        if
        :: granted -> TryBegin()
        :: !granted -> MAYBE_ROOM /* space.Await */
        fi
      od;
#ifndef PUBLISH_FIRST
      lane[self].written[next] = 1;
#endif
      /* kQueuePutWritten */
      if
      :: IS_LARGE(next) -> lane[self].extent[next] = 1
      :: else -> skip
      fi;
      /* kQueueExtentQueued. Stores leave the buffer in their order, so `used` is seen before this one is. */
      atomic {
        Flush(self);
        lane[self].sequence[next] = 1;
        assert(IN_QUEUE(1) + IN_QUEUE(2) <= CAPACITY)
      };
      /* kQueuePutPublished */
#ifdef PUBLISH_FIRST
      lane[self].written[next] = 1;
#endif
      atomic { next++; returned[self] = next; begun = 0; granted = 0 }
    :: else -> break
    od
  } unless {
    d_step { ended[self] -> next = 0; total = 0; begun = 0; granted = 0; spare = 0 }
  }
}

/* The store buffers empty themselves at some time. */
proctype Memory() {
end:
  do
  :: d_step { buffered[1] -> Flush(1) }
  :: d_step { buffered[2] -> Flush(2) }
  od
}

#define SOMETHING(l) (lane[l].head < ITEMS && lane[l].sequence[lane[l].head])
#define DONE(l) (lane[l].head == ITEMS || (ended[l] && !SOMETHING(l)))

proctype Getter(byte self) {
  byte l, h;
  bit whole, mine;
  {
    skip;
again:
    atomic { l = 0; h = 0; whole = 0; mine = 0 };
    if
    :: SOMETHING(1) -> l = 1
    :: SOMETHING(2) -> l = 2
    :: DONE(1) && DONE(2) -> goto done
    fi;
    /* QueueGetter::TryLane */
    h = lane[l].head;
look:
    if
    :: h < ITEMS && lane[l].sequence[h] -> skip
    :: else -> goto again
    fi;
    if
    :: !IS_LARGE(h) ->
      whole = lane[l].written[h]; /* the copy */
      /* kQueueGetCopied */
      atomic {
        if
#ifdef NO_COMPARE
        :: true ->
#else
        :: lane[l].head == h ->
#endif
          lane[l].head = h + 1;
          GOT(l, h)++;
          assert(whole && GOT(l, h) == 1)
        :: else -> h = lane[l].head; goto look
        fi
      }
      /* kQueueGetClaimed */
    :: else ->
      atomic {
        if
        :: lane[l].extent[h] ->
          lane[l].extent[h] = 0;
          mine = 1;
          GOT(l, h)++;
          assert(lane[l].written[h] && GOT(l, h) == 1)
        :: else -> skip
        fi
      };
      /* kQueueGetOwned */
#ifdef NO_HELP
      if
      :: mine -> lane[l].head = h + 1
      :: else -> lane[l].head != h
      fi
#else
      d_step {
        if
        :: lane[l].head == h -> lane[l].head = h + 1
        :: else -> skip
        fi
      }
#endif
      /* kQueueGetHelped */
    fi;
    goto again;
done:
    skip; /* All that was put has been taken, whoever has it. */
    d_step {
      l = 1;
      do
      :: l <= PUTTERS ->
        h = 0;
        do
        :: h < returned[l] -> assert(GOT(l, h) == 1); h++
        :: else -> break
        od;
        l++
      :: else -> break
      od;
      l = 0
    }
  } unless {
    d_step { ended[self] -> l = 0; h = 0; whole = 0; mine = 0 }
  }
}

/* Somebody is left to get. */
proctype Reaper() {
end:
  do
  :: break
  :: d_step { deaths < DEATHS && !ended[1] -> deaths++; Flush(1); ended[1] = 1 }
  :: d_step { deaths < DEATHS && !ended[2] -> deaths++; Flush(2); ended[2] = 1 }
  :: d_step { deaths < DEATHS && getters_left > 1 && !ended[3] -> deaths++; getters_left--; ended[3] = 1 }
  :: d_step { deaths < DEATHS && getters_left > 1 && !ended[4] -> deaths++; getters_left--; ended[4] = 1 }
  od
}

init {
  atomic {
    run Putter(1, 2);
    run Putter(2, 1);
    run Getter(3);
#if GETTERS > 1
    run Getter(4);
#endif
    run Memory();
    run Reaper()
  }
}
