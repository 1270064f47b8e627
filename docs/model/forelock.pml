/*
 * Forelock's delegation protocol: who may say that a lock is granted, and when.
 *
 * docs/protocol.md describes it; the numbers of invariants below are those of that page. This model
 * is checked by `npm run model`; README.md beside it says what came out, and with what bounds.
 *
 * WHAT IS MODELLED
 *   One lock key in one Redis that expires keys. Two proxies, each with any number of clients, and
 *   clients straight on Redis. Every script of lua/, as one step of Redis each: reserve, renew, want,
 *   materialize, retain, extend, release, yield (a proxy that starts again sends yield or
 *   materialize). Tickets: the proxies that wait are queued in Redis, and a release or a yield passes
 *   the delegation on to the first of them. Scripts and their answers are on their way for as long as
 *   they like; what Redis tells a proxy (a delegation passed on, a recall) comes late, or never. With
 *   CUTS, a connection breaks: its script never runs, or has run and is not answered, or runs after
 *   the proxy is connected again. With CRASHES, a proxy is gone and comes back with its journal, or
 *   without one that proves anything. Clients hold for too long, forget to release, release late.
 *
 * WHAT IS ABSTRACTED
 *   Time is counted in ticks, and only what is left of a span is stored, so that it has no end. Any
 *   number of events may happen within a tick. A proxy's clock may be slow against Redis's by DRIFT
 *   ticks in a lease, and the worst is assumed, that it has lost them at once: MARGIN pays for that.
 *   (A clock that is fast ends a grant early, as a fast clock of Redis would.) Without LIVE, no timer
 *   of a proxy is modelled: what a timer may do, may happen at any moment, so the result holds for all
 *   settings of all of them. Clients behind a proxy have no state of their own: "holder" is whoever
 *   believes to hold the lock, from the moment the answer can be there, until the TTL is over, counted
 *   from the sending of the script (or from the grant in memory) as if the request had been sent just
 *   then. A name that occurs nowhere any more is used again, which no one can notice, and names are
 *   renumbered by their place after each step: states that differ only in names are one state.
 *   Not modelled: fences, replicas and failover, tenures (but for LIVE), rights, touches. Redis itself
 *   neither fails nor forgets, and nobody deletes a lock that is not theirs.
 *
 * WHAT IS PROVED
 *   Exclusion (invariant 1): nobody begins to believe in the lock while another one does.
 *   Cover (invariants 2 and 3): while somebody believes, Redis has their value in the key, or a token
 *   of their proxy, and will keep it for at least as long.
 *   With LIVE, where timers are modelled and time goes on only when all that is due was done:
 *   tried, triedDirect: a reservation that nobody uses keeps no try-lock out for ever (4 and 7);
 *   answered: who is parked is answered; served: no proxy starves another one's waiters.
 *
 * Each sabotage is a macro in upper case, of those that scripts/model.mjs lists, and takes one rule
 * away; each is refuted.
 *
 * The comments name the scripts of lua/ and the functions of src/locks/ behind the steps.
 */

#ifndef TTL
#define TTL 2                     /* that all clients ask for */
#endif
#define MARGIN 1                  /* begin in src/locks/lease.ts */
#define DRIFT 1                   /* MARGIN >= DRIFT, or there is no cover */
#define LEASE (TTL+MARGIN)        /* of a token in Redis; leaseMsFor in src/locks/lease.ts */
#define MEASURED (LEASE+DRIFT)    /* the same, in ticks of a slow proxy */
#ifndef CUTS
#define CUTS 0                    /* connections of proxy 0 that break: proxies are alike */
#endif
#ifndef CRASHES
#define CRASHES 0                 /* of proxy 0 */
#endif

/*
 * What the key may hold, and names in general: 0 nothing; 1-4 tokens of proxy 0, 5-8 of proxy 1;
 * 9-11 values of clients of proxy 0, 12-14 of proxy 1; 15 the value of a client straight on Redis.
 */
#define NONE 0
#define DIRECT 15
#define isToken(name) ((name) >= 1 && (name) <= 8)
#define isValue(name) ((name) >= 9)
#define tokenOf(prx, name) (isToken(name) && ((name)-1)/4 == (prx))
#define valueOf(prx, name) (isValue(name) && (name) != DIRECT && ((name)-9)/3 == (prx))

mtype = { reserve, renew, want, materialize, retain, extend, release, yield };  /* lua/ */
mtype = { no, yes, asked };

typedef Proxy {                   /* LockEntry in src/locks/entry.ts */
  unsigned token:4;               /* the delegation: our token in the key; src/locks/delegation.ts */
  unsigned lease:3;               /* what is left of it here; 0 where too little to grant from */
  bit doubted;                    /* invariant 6: to be settled, not relied upon */
  unsigned grant:4;               /* the value granted from memory; LocalGrant */
  unsigned grantLeft:2;
  unsigned ticket:4;              /* the token that our ticket in Redis carries; src/locks/ticket.ts */
  unsigned ticketLease:3;         /* the lease that comes with it, counted since it was asked for */
  unsigned told:4;                /* on its way to us: this token was put into the key for you */
  mtype script;                   /* the one script on its way, its arguments … */
  unsigned own:4; unsigned fresh:4; unsigned value:4; unsigned left:2;
  unsigned since:3;               /* … what would be left of a lease that began when it was sent … */
  bit ran; mtype result;          /* … and whether it has run, with what result */
};
Proxy P[2];

unsigned key:4; unsigned keyLeft:3;           /* the lock key in Redis, and its TTL */
unsigned queue0:4; unsigned queue1:4;         /* its companion: each proxy's ticket … */
bit first;                                    /* … and whose is first */
unsigned holder:4; unsigned holderLeft:2;     /* who believes to hold the lock, and for how long */
#if CUTS || CRASHES
mtype late;                                   /* a script of proxy 0 whose connection is gone */
unsigned lateOwn:4; unsigned lateFresh:4; unsigned lateValue:4; unsigned lateLeft:2;
unsigned cuts:2 = CUTS; unsigned crashes:2 = CRASHES;
unsigned unproven:4;                          /* tokens of proxy 0 that its journal tells nothing of */
#else
#define unproven 0
#endif

byte a, b; mtype answer, shown;               /* nothing outside of a step */

/* ---- Timers and clients, where they matter (LIVE) ---- */

#ifndef LOSSES
#define LOSSES 0                  /* of what Redis tells a proxy */
#endif
#ifdef TRIED                      /* a client of proxy 1 tries; both proxies reserve */
#define ASKS(prx) (prx == 1)
#define TENURES LOSSES            /* where no recall is lost, it needs none */
#define LIVE
#endif
#ifdef TRIED_DIRECT               /* a client straight on Redis tries; both proxies reserve */
#define ASKS(prx) 0
#define DIRECT_TRIES 1
#ifndef NO_TENURE
#define TENURES 1
#endif
#define LIVE
#endif
#ifdef SERVED                     /* clients of both want the lock all the time, and are there when it comes */
#define WAIT_ON
#endif
#if defined(ANSWERED) && defined(PARK_FOREVER)
#define WAIT_ON                   /* without it they are parked for a time only, and told no then */
#endif
#if defined(SERVED) || defined(ANSWERED)
#define ASKS(prx) 1
#define PARK 1                    /* ticks that a refusal is held back; 0: a try-lock */
#define LIVE
#endif
#ifndef DIRECT_TRIES
#define DIRECT_TRIES 0
#endif
#ifndef TENURES
#define TENURES 0
#endif
#ifndef PARK
#define PARK 0
#endif

#ifdef LIVE
#define TICKET 2                              /* ticks that a ticket lives; renewed at each */
#define TENURE 3
#define BREATH 2
typedef Timers {
  bit waits; bit tried; unsigned park:2;      /* a client waits; has tried in this tick; until it is told no */
  bit sent;  bit reserved;                    /* what the proxy has sent in this tick */
  bit recalled; bit further; bit more;        /* told: others wait; so they do; so it is to be passed on */
  unsigned ticketLeft:2;                      /* of its ticket in Redis */
};
Timers T[2];
/* For how long the fleet keeps the key (the companion knows), has done so in this tick, has not; the breath. */
unsigned kept:3; bit keptNow; unsigned alone:2; unsigned breath:2; bit directTried;
#define mayAsk(prx) (T[prx].waits && !T[prx].sent)
#define mayReserve(prx) (!T[prx].waits && !T[prx].reserved)
#define mayGrant(prx) (T[prx].waits && !T[prx].more && kept < TENURE)
#define mayRenew(prx) (P[prx].grant && kept < TENURE)
#define mayYield(prx) (!T[prx].waits || T[prx].more || kept >= TENURE)
#define mayExtend false
#define isHeard(prx) T[prx].waits
#define isGone(prx) (!T[prx].waits)
#define mayWriteToken (kept < TENURE && !breath)
#else
#define mayAsk(prx) true
#define mayReserve(prx) true
#define mayGrant(prx) true
#define mayRenew(prx) true
#define mayYield(prx) true
#define mayExtend true
#define isHeard(prx) true
#define isGone(prx) true
#define mayWriteToken true
#endif

/* newToken, newValue: names that occur nowhere; done: the end of each step. Nothing of the protocol. */
#include "states.pml"

/* ---- What is proved as assertions ---- */

#ifdef COVER
#define isCovered (!holderLeft || (keyLeft >= holderLeft && (key == holder \
    || (tokenOf(0, key) && valueOf(0, holder)) || (tokenOf(1, key) && valueOf(1, holder)))))
inline cover() { assert(isCovered) }
#else
inline cover() { skip }
#endif

/* A client has the answer that the lock is its own; "span" is what is left of its TTL. */
inline believes(name, span) {
  assert(!holderLeft || !(span));             /* exclusion */
  holderLeft = span; holder = (holderLeft -> name : NONE)
}
inline believesNoMore() { holder = NONE; holderLeft = 0 }


/* ---- Redis: the scripts of lua/, each in one step ---- */

/* A ticket of this proxy: at the end of the queue, or in place of its earlier one. takeTicket in want.ts. */
inline setTicket(prx, name) {
#ifdef RENEWAL_LOSES_PLACE
  dropTicket(prx);
#endif
  if
  :: prx == 0 -> if :: !queue0 -> first = (queue1 -> 1 : 0) :: else fi; queue0 = name
  :: else -> if :: !queue1 -> first = (queue0 -> 0 : 1) :: else fi; queue1 = name
  fi;
#ifdef LIVE
  T[prx].ticketLeft = TICKET
#endif
}
inline dropTicket(prx) {
  if :: prx == 0 -> queue0 = NONE :: else -> queue1 = NONE fi;
  first = (queue0 -> (queue1 -> first : 0) : (queue1 -> 1 : 0));
#ifdef LIVE
  T[prx].ticketLeft = 0
#endif
}

/* Release and yield: the first live ticket's token, and its proxy is told; else nothing. */
inline passTo(prx, name) {
  key = name; keyLeft = LEASE; P[prx].told = name; dropTicket(prx);
#ifdef LIVE
  T[prx].further = (queue0 || queue1)
#endif
}
#ifdef LIVE
/* The key is absent. Past the tenure it is left so for a breath; before, the companion remembers the tenure. */
inline leaveAlone() {
  if
  :: key == NONE && kept >= TENURE -> kept = 0; breath = BREATH
#ifdef YIELD_FORGETS_TENURE
  :: key == NONE && kept < TENURE -> kept = 0
#endif
  :: else
  fi
}
#endif
inline passOn() {
  if
  :: (!queue0 && !queue1) || !mayWriteToken -> key = NONE; keyLeft = 0
  :: mayWriteToken && queue0 && !(queue1 && first == 1) -> passTo(0, queue0)
  :: else -> passTo(1, queue1)
  fi;
#ifdef LIVE
  leaveAlone()
#endif
}

#ifdef PASS_BY
#define otherIsEarlier(prx) false
#else
#define otherIsEarlier(prx) ((prx)==0 -> queue1 && !(queue0 && first==0) : queue0 && !(queue1 && first==1))
#endif
#ifdef ANY_TOKEN
#define holdsToken(prx, name) ((name) && tokenOf(prx, key))
#else
#define holdsToken(prx, name) ((name) && key == (name))
#endif
#ifdef RETAIN_IGNORES_TICKETS
#define retainable mayWriteToken
#else
#define retainable (!queue0 && !queue1 && mayWriteToken)
#endif
#ifdef RESERVE_IGNORES_TICKETS
#define reservable mayWriteToken
#else
#define reservable (!queue0 && !queue1 && mayWriteToken)
#endif

inline wasKept() {
#ifdef LIVE
  keptNow = 1
#else
  skip
#endif
}
inline perform(prx, what, ownName, freshName, valueName, span) {
  answer = no;
  if
  :: what == reserve ->                                                   /* lua/reserve.lua */
     if :: key == NONE && reservable -> key = freshName; keyLeft = LEASE; answer = yes; wasKept() :: else fi
  :: what == renew ->                                                     /* lua/renew.lua */
     if :: holdsToken(prx, ownName) -> keyLeft = LEASE; answer = yes :: else fi
  :: what == want ->                                                      /* lua/want.lua */
     if
     :: holdsToken(prx, ownName) || (key == NONE && !otherIsEarlier(prx)) ->
        key = valueName; keyLeft = TTL; dropTicket(prx); answer = yes
     :: !holdsToken(prx, ownName) && key == NONE && otherIsEarlier(prx) ->
        passOn(); setTicket(prx, freshName); answer = asked
     :: !holdsToken(prx, ownName) && tokenOf(1-prx, key) ->
#ifdef RAW_REFUSAL
        skip
#else
        setTicket(prx, freshName); answer = asked; recall(1-prx)
#endif
     :: isValue(key) ->
#ifdef NO_TICKET_BESIDE_HELD
        skip
#else
        setTicket(prx, freshName); answer = asked
#endif
     :: else            /* a token of its own that it did not name: nothing, see "unknown" below */
     fi
  :: what == materialize ->                                               /* lua/materialize.lua */
     if :: holdsToken(prx, ownName) -> key = valueName; keyLeft = span; answer = yes :: else fi
  :: what == retain ->                                                    /* lua/retain.lua */
     if
     :: key == valueName && retainable -> key = freshName; keyLeft = LEASE; answer = yes
     :: key == valueName && !retainable -> passOn()
     :: else
     fi
  :: what == extend ->                                                    /* lua/extend.lua */
     if :: key == valueName -> keyLeft = TTL; answer = yes :: else fi
  :: what == release ->                                                   /* lua/release.lua */
     if :: key == valueName -> passOn() :: else fi
  :: what == yield ->                                                     /* lua/yield.lua */
     if :: holdsToken(prx, ownName) -> passOn() :: else fi;
     if :: prx == 0 && queue0 == ownName -> dropTicket(0)
        :: prx == 1 && queue1 == ownName -> dropTicket(1)
        :: else
     fi
  fi
}
/* The owner is told that its token is asked for: recalled in recall.ts. Of its ticket's token this proves the transfer. */
inline recall(prx) {
  P[prx].told = key;
#ifdef LIVE
#ifdef DROP_EARLY_RECALL
  if :: key == P[prx].token -> T[prx].recalled = 1 :: else fi
#else
  /* Of a token whose script is not answered yet, too: the recall may overtake the answer, and is kept. */
  if :: key == P[prx].token || key == P[prx].fresh -> T[prx].recalled = 1 :: else fi
#endif
#endif
}

inline performFor(prx) {
  d_step { P[prx].script && !P[prx].ran ->
    printf("Redis     runs for proxy %d: ", prx); shown = P[prx].script; printm(shown); printf("\n");
    perform(prx, P[prx].script, P[prx].own, P[prx].fresh, P[prx].value, P[prx].left);
    P[prx].ran = 1; P[prx].result = answer;
    /* What the answer has no more use for. */
    if :: P[prx].script != yield -> P[prx].own = NONE :: else fi;
    if
    :: answer == no -> P[prx].fresh = NONE; P[prx].value = NONE; P[prx].left = 0; P[prx].since = 0
    :: answer == asked -> P[prx].value = NONE
    :: answer == yes && P[prx].script == want -> P[prx].fresh = NONE
    :: answer == yes && P[prx].script == retain -> P[prx].value = NONE
    :: else
    fi;
    done()
  }
}

/* With PROMPT, an answer is there as soon as the script has run. It may be acted upon later all the same. */
#ifdef PROMPT
#define calm (!P[0].ran && !P[1].ran)
#else
#define calm true
#endif

/* ---- A proxy: src/locks/ ---- */

#define me _pid
#define isFree (!P[me].script)                           /* invariant 11: busy() in entry.ts */
#define isReady (isFree && !P[me].doubted)               /* passGate in advance.ts */
#ifdef DECIDE_DURING_SCRIPT
#define mayDecide (!P[me].doubted && !P[me].ran)
#else
#define mayDecide isReady
#endif
#ifdef NO_MARGIN
#define NEED TTL
#else
#define NEED (TTL+MARGIN)
#endif
#define covers (P[me].lease >= NEED)                     /* invariant 2: Lease.covers */

inline send(prx, what, ownName, freshName, valueName, span) {             /* LockCore.send */
  printf("proxy %d   sends ", prx); shown = what; printm(shown); printf("\n");
  P[prx].own = ownName; P[prx].fresh = freshName; P[prx].value = valueName; P[prx].left = span;
  P[prx].script = what; P[prx].ran = 0; P[prx].result = 0;
  P[prx].since = (what == release || what == yield || (what == materialize && span < TTL) -> 0 : MEASURED)
}
inline endScript(prx) {
  P[prx].script = 0; P[prx].own = NONE; P[prx].fresh = NONE; P[prx].value = NONE; P[prx].left = 0;
  P[prx].since = 0; P[prx].ran = 0; P[prx].result = 0
}
inline endDelegation(prx) {                                               /* LockCore.endDelegation */
  P[prx].token = NONE; P[prx].lease = 0; P[prx].grant = NONE; P[prx].grantLeft = 0; P[prx].doubted = 0;
#ifdef LIVE
  T[prx].recalled = 0; T[prx].more = 0
#endif
}
inline endTicket(prx) { P[prx].ticket = NONE; P[prx].ticketLease = 0 }
inline beginDelegation(prx, name, span) {                                 /* delegated in reservation.ts */
  P[prx].token = name; P[prx].lease = span; endTicket(prx)
}
/* Invariant 3: counted from the sending, never from the answer. */
#ifdef LEASE_FROM_REPLY
#define leaseOfAnswer MEASURED
#else
#define leaseOfAnswer P[me].since
#endif
#if defined(LEASE_FROM_ARRIVAL) || defined(ACCEPT_ANY)
#define leaseOfTicket MEASURED
#else
#define leaseOfTicket P[me].ticketLease
#endif
#ifdef ACCEPT_ANY
#define isForTicket true
#else
#define isForTicket (P[me].told == P[me].ticket)
#endif
/* What is left of a TTL that began with the sending. */
#define ttlOfAnswer (P[me].since && TTL+P[me].since > MEASURED -> TTL+P[me].since-MEASURED : 0)

active [2] proctype Serve() provided (calm || P[_pid].ran) {
#ifndef LIVE
end:
#endif
  do
  /* Acquire, from memory: acquireFromMemory in acquire.ts. */
  :: d_step { mayDecide && P[me].token && !P[me].grant && covers && mayGrant(me) ->
       printf("proxy %d   grants the lock from memory\n", me);
       newValue(me); P[me].grant = b; P[me].grantLeft = TTL; believes(b, TTL);
#ifdef LIVE
       T[me].waits = 0; T[me].park = 0; if :: T[me].further -> T[me].further = 0; T[me].more = 1 :: else fi;
#endif
       done() }
  /* Acquire, through Redis: askThroughRedis in want.ts. Names the own token, and brings a ticket. */
  :: d_step { isReady && !P[me].grant && !covers && mayAsk(me) ->
       newToken(me); newValue(me);
#ifdef ONE_TOKEN
       if :: P[me].ticket -> a = P[me].ticket :: else fi;
#endif
       send(me, want, P[me].token, a, b, 0);
       if :: !P[me].token -> P[me].own = P[me].ticket :: else fi;
#ifdef LIVE
       T[me].sent = 1;
#endif
       done() }
  :: d_step { P[me].ran && P[me].script == want && P[me].result == yes && isHeard(me) ->
       printf("proxy %d   hears of the grant through Redis, and so does its client\n", me);
       endDelegation(me); endTicket(me); believes(P[me].value, ttlOfAnswer);
#ifdef LIVE
       T[me].waits = 0; T[me].park = 0;
#endif
#ifdef UNDO_HEARD
       b = P[me].value; send(me, release, NONE, NONE, b, 0);
#else
       endScript(me);
#endif
       done() }
  /* Invariant 12: nobody is there to hear it. undoGrant in settle.ts. */
  :: d_step { P[me].ran && P[me].script == want && P[me].result == yes && isGone(me) ->
       endDelegation(me); endTicket(me); b = P[me].value; send(me, release, NONE, NONE, b, 0); done() }
  :: d_step { P[me].ran && P[me].script == want && P[me].result == asked ->
       printf("proxy %d   hears that it has to wait\n", me);
       endDelegation(me); P[me].ticket = P[me].fresh; P[me].ticketLease = P[me].since; endScript(me); done() }
  :: d_step { P[me].ran && P[me].script == want && P[me].result == no ->
       endDelegation(me); endTicket(me); endScript(me); done() }

  /* A reservation, and what keeps it: reserve and renew in reservation.ts. */
  :: d_step { isReady && !P[me].token && mayReserve(me) -> newToken(me); send(me, reserve, NONE, a, NONE, 0);
#ifdef LIVE
       T[me].reserved = 1;
#endif
       done() }
  :: d_step { P[me].ran && (P[me].script == reserve || P[me].script == retain) ->
       printf("proxy %d   hears of its ", me); shown = P[me].script; printm(shown); printf("\n");
       if :: P[me].result == yes -> beginDelegation(me, P[me].fresh, leaseOfAnswer) :: else fi; endScript(me); done() }
  :: d_step { isReady && P[me].token && P[me].lease < MEASURED && mayRenew(me) ->
       send(me, renew, P[me].token, NONE, NONE, 0); done() }
  :: d_step { P[me].ran && P[me].script == renew ->
       if :: P[me].result == yes -> P[me].lease = leaseOfAnswer :: else -> endDelegation(me) fi; endScript(me); done() }

  /* Settle, in doubt or not: settle.ts. By the exact token; the holder's value, or nothing. */
  :: d_step { isFree && P[me].token && P[me].grant ->
       send(me, materialize, P[me].token, NONE, P[me].grant, P[me].grantLeft); done() }
  :: d_step { isFree && P[me].token && !P[me].grant && mayYield(me) ->
       send(me, yield, P[me].token, NONE, NONE, 0); done() }
  :: d_step { P[me].ran && (P[me].script == release || P[me].script == yield) ->
       if :: P[me].script == yield && P[me].own == P[me].token -> endDelegation(me) :: else fi; endScript(me); done() }

  /* Release, from memory: releaseFromMemory in release.ts. By the holder, or by one who was. */
  :: d_step { mayDecide && P[me].token && P[me].grant ->
       printf("proxy %d   releases the lock in memory\n", me);
       if :: holder == P[me].grant -> believesNoMore() :: else fi;
       P[me].grant = NONE; P[me].grantLeft = 0; done() }
  /* Release, through Redis: release and retain in release.ts. Of another value it would do nothing. */
  :: d_step { isReady && !P[me].token && valueOf(me, key) ->
       b = key; if :: holder == b -> believesNoMore() :: else fi;
       send(me, release, NONE, NONE, b, 0); done() }
  :: d_step { isReady && !P[me].token && valueOf(me, key) ->
       b = key; if :: holder == b -> believesNoMore() :: else fi;
       newToken(me); send(me, retain, NONE, a, b, 0); done() }

  /* Extend: in memory, by materialize, by script; extend.ts. */
  :: d_step { isReady && P[me].token && P[me].grant && P[me].grant == holder && covers && mayExtend ->
       printf("proxy %d   extends the grant in memory\n", me);
       P[me].grantLeft = TTL; holderLeft = TTL; done() }
  :: d_step { isReady && P[me].token && P[me].grant && P[me].grant == holder && mayExtend ->
       send(me, materialize, P[me].token, NONE, P[me].grant, TTL); done() }
  :: d_step { isReady && !P[me].token && valueOf(me, key) && key == holder && mayExtend ->
       send(me, extend, NONE, NONE, key, 0); done() }
  :: d_step { P[me].ran && (P[me].script == materialize || P[me].script == extend) ->
       if :: P[me].result == yes && holderLeft && holder == P[me].value && ttlOfAnswer > holderLeft -> holderLeft = ttlOfAnswer
          :: else
       fi;
       if :: P[me].script == materialize -> endDelegation(me) :: else fi; endScript(me); done() }

  /* A transfer: transferred in transfer.ts. Once, for the present ticket alone, with no script on its way. */
  :: d_step { isReady && !P[me].token && P[me].told && isForTicket ->
       printf("proxy %d   hears that the delegation was passed on to it\n", me);
       beginDelegation(me, P[me].told, leaseOfTicket);
#ifndef ACCEPT_ANY
       P[me].told = NONE;
#endif
#ifdef LIVE
       T[me].sent = 0;
#endif
       done() }

  /*
   * A token of ours that we do not know: given up in doubt, or asked for by another proxy. It is freed
   * where nothing was granted from it: of this epoch, or proven idle by the journal. adoptUnknownToken in
   * reservation.ts. That the key has it is what a script, or a recall, has told.
   */
  :: d_step { isFree && tokenOf(me, key) && key != P[me].token && key != P[me].ticket &&
              !(me == 0 && (unproven & (1 << (key-1)))) ->
       printf("proxy %d   frees a token that it does not know\n", me);
       a = key; send(me, yield, a, NONE, NONE, 0); done() }

#ifdef LIVE
  :: d_step { ASKS(me) && !T[me].tried && !T[me].waits && !valueOf(me, holder) && !P[me].doubted ->
       printf("a client of proxy %d asks for the lock\n", me);
       T[me].waits = 1; T[me].tried = 1; T[me].park = PARK; done() }
  :: d_step { isFree && T[me].recalled ->
       printf("proxy %d   hears that another one asks for its token\n", me);
       T[me].recalled = 0;
#ifdef IGNORE_RECALL
       skip;
#elif defined(RECALL_BEFORE_SERVING)
       T[me].more = 1;
#else
       /* Who has a waiter of its own serves one first: else two proxies pass the lock to and fro for ever. */
       if :: T[me].waits && !P[me].grant -> T[me].further = 1 :: else -> T[me].more = 1 fi;
#endif
       done() }
#endif
  od
}

/* ---- Redis, and what is on its way to it and from it ---- */

inline lapse(prx, name) { d_step { name -> printf("Redis     lets a ticket lapse\n"); dropTicket(prx); done() } }
inline loseTold(prx) { d_step { P[prx].told -> printf("network   loses what proxy %d was told\n", prx); P[prx].told = NONE; done() } }

active proctype Redis() provided (calm) {
#ifndef LIVE
end:
#endif
  do
  :: performFor(0)
  :: performFor(1)
#if CUTS || CRASHES
  :: d_step { late -> printf("Redis     runs late for proxy 0: "); shown = late; printm(shown); printf("\n");
       perform(0, late, lateOwn, lateFresh, lateValue, lateLeft); endLate(); done() }
#endif
#ifdef LIVE
#if LOSSES
  :: loseTold(0)
  :: loseTold(1)
  :: d_step { T[0].recalled -> printf("network   loses a recall\n"); T[0].recalled = 0; done() }
  :: d_step { T[1].recalled -> printf("network   loses a recall\n"); T[1].recalled = 0; done() }
#endif
#else
  :: lapse(0, queue0)
  :: lapse(1, queue1)
  :: loseTold(0)
  :: loseTold(1)
#endif
  od
}

/* ---- Clients: those straight on Redis, and any that crash while they hold ---- */

active proctype Clients() provided (calm) {
#ifndef LIVE
end:
#endif
  do
#ifndef LIVE
  :: d_step { key == NONE -> printf("direct    takes the lock\n"); key = DIRECT; keyLeft = TTL; believes(DIRECT, TTL); done() }
#else
  :: d_step { DIRECT_TRIES && !directTried && holder != DIRECT ->
       directTried = 1;
       if :: key == NONE -> printf("direct    takes the lock\n"); key = DIRECT; keyLeft = TTL; believes(DIRECT, TTL); breath = 0; kept = 0
          :: else -> printf("direct    tries in vain\n")
       fi; done() }
#endif
  :: d_step { key == DIRECT -> printf("direct    releases\n");
       key = NONE; keyLeft = 0; if :: holder == DIRECT -> believesNoMore() :: else fi; done() }
  :: d_step { holderLeft -> printf("holder    is gone\n"); believesNoMore(); done() }
  od
}

/* ---- Time ---- */

#define less(field, least) field = (field > (least) -> field-1 : 0)
/* Under these, a lease tells no difference any more. */
#define LEAST_SINCE (NEED < MEASURED-TTL+1 -> NEED : MEASURED-TTL+1)

inline tick(prx) {
  less(P[prx].lease, NEED); less(P[prx].ticketLease, NEED); less(P[prx].since, LEAST_SINCE);
  less(P[prx].grantLeft, 1); if :: !P[prx].grantLeft -> P[prx].grant = NONE :: else fi;
#ifdef LIVE
  if :: T[prx].ticketLeft == 1 -> dropTicket(prx) :: T[prx].ticketLeft > 1 -> T[prx].ticketLeft-- :: else fi;
#ifndef WAIT_ON
  if :: T[prx].waits && T[prx].park == 0 -> T[prx].waits = 0 :: else less(T[prx].park, 1) fi;
#endif
  T[prx].tried = 0; T[prx].sent = 0; T[prx].reserved = 0
#endif
}
#ifdef LIVE
/* What has to be done before time goes on. */
#define isIdle(prx) (P[prx].token && !P[prx].grant)
#define due(prx) (P[prx].script || P[prx].doubted || (P[prx].told && P[prx].told == P[prx].ticket) || T[prx].recalled \
    || (ASKS(prx) && !T[prx].tried && !T[prx].waits && !valueOf(prx, holder)) \
    || (T[prx].waits && !P[prx].token && !T[prx].sent) \
    || (isIdle(prx) && (T[prx].waits || T[prx].more || T[prx].further || !P[prx].lease || kept >= TENURE)) \
    || (tokenOf(prx, key) && key != P[prx].token && key != P[prx].ticket && !(prx == 0 && (unproven & (1 << (key-1))))))
#define timeGoesOn (!due(0) && !due(1) && (!DIRECT_TRIES || directTried || holder == DIRECT))
#else
#define timeGoesOn (keyLeft || P[0].lease || P[1].lease || P[0].ticketLease || P[1].ticketLease || P[0].since || P[1].since \
    || P[0].grantLeft || P[1].grantLeft || holderLeft)
#endif

active proctype Clock() provided (calm) {
#ifndef LIVE
end:
#endif
  do
  :: d_step { timeGoesOn ->
       printf("----------  a tick\n");
#ifdef LIVE
#if TENURES
       less(breath, 1);
       if
       :: keptNow -> alone = 0; if :: kept < TENURE -> kept++ :: else fi
       :: !keptNow && alone < BREATH -> alone++
       :: else -> kept = 0
       fi;
       keptNow = (key != NONE && key != DIRECT);
#endif
       directTried = 0;
#endif
       less(keyLeft, 1); if :: !keyLeft -> key = NONE :: else fi;
#ifdef LIVE
       leaveAlone();
#endif
       less(holderLeft, 1); if :: !holderLeft -> holder = NONE :: else fi;
       tick(0); tick(1);
#if CUTS || CRASHES
       endLate();                             /* lateScriptMs in options.ts: it runs soon, or never */
#endif
       done() }
  od
}

/* ---- What may go wrong ---- */

#if CUTS || CRASHES
/* The connection is lost: failed in failure.ts, doubtAll in core.ts. Clients are told "lost". */
inline lose() {
#ifndef RESUME
  if :: P[0].token -> P[0].doubted = 1; P[0].lease = 0 :: else fi;
#endif
#ifndef KEEP_TICKET
  endTicket(0);
#endif
#ifdef LIVE
  T[0].waits = 0; T[0].park = 0;
#endif
  endScript(0)
}
inline keepLate() {
  late = P[0].script; lateOwn = P[0].own; lateFresh = P[0].fresh; lateValue = P[0].value; lateLeft = P[0].left
}
inline crashed() {
#ifdef JOURNAL_AFTER_REPLY
  P[0].grant = NONE; P[0].grantLeft = 0
#else
  skip
#endif
}
inline forgetAll() {
  endDelegation(0); endTicket(0);
#ifndef FREE_WITHOUT_PROOF
  unproven = 15
#endif
}
#define isOnItsWay (P[0].script && !P[0].ran && !late)

active proctype Faults() provided (calm) {
#ifndef LIVE
end:
#endif
  do
#if CUTS
  :: d_step { cuts -> printf("network   cuts proxy 0 off; what it had sent is lost\n"); cuts--; lose(); done() }
  :: d_step { cuts && isOnItsWay -> printf("network   cuts proxy 0 off; Redis has its script still\n");
       cuts--; keepLate(); lose(); done() }
#endif
#if CRASHES
  /* The journal is read: what it knows is settled, and all other tokens were never granted from. */
  :: d_step { crashes -> printf("proxy 0   crashes, and is back with its journal\n");
       crashes--; P[0].told = NONE; crashed(); lose(); done() }
  :: d_step { crashes && isOnItsWay -> printf("proxy 0   crashes, and is back with its journal; Redis has its script still\n");
       crashes--; P[0].told = NONE; keepLate(); crashed(); lose(); done() }
  /* It proves nothing: leases are waited out. */
  :: d_step { crashes -> printf("proxy 0   crashes, and is back without a journal\n");
       crashes--; P[0].told = NONE; lose(); forgetAll(); done() }
  :: d_step { crashes && isOnItsWay -> printf("proxy 0   crashes, and is back without a journal; Redis has its script still\n");
       crashes--; P[0].told = NONE; keepLate(); lose(); forgetAll(); done() }
#endif
  od
}
#endif

#ifdef LIVE
ltl tried { []<> valueOf(1, holder) }
ltl triedDirect { []<> (holder == DIRECT) }
ltl served { ([]<> valueOf(0, holder)) && ([]<> valueOf(1, holder)) }
ltl answered { [] (T[0].waits -> <> !T[0].waits) && [] (T[1].waits -> <> !T[1].waits) }
#endif
