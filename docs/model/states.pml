/*
 * What keeps the search of forelock.pml small, and is nothing of the protocol: names that occur nowhere
 * any more are used again, states that differ in names alone are made one, and what can have no effect
 * any more is forgotten. done() ends each step.
 */

#define usedBy(prx, name) (P[prx].token==name || P[prx].grant==name || P[prx].ticket==name || P[prx].told==name \
    || P[prx].own==name || P[prx].fresh==name || P[prx].value==name)
#if CUTS || CRASHES
#define usedLate(name) (lateOwn==name || lateFresh==name || lateValue==name)
#else
#define usedLate(name) false
#endif
#define used(name) (usedBy(0, name) || usedBy(1, name) || usedLate(name) \
    || key==name || queue0==name || queue1==name || holder==name)

/* A token or a value that occurs nowhere: newToken in src/locks/core.ts. There are always enough. */
inline newToken(prx) {
  a = 1+4*prx;
  do :: used(a) -> a++ :: else -> break od;
  assert(a <= 4+4*prx);
#if CRASHES
  if :: prx == 0 -> unproven = unproven & ~(1<<(a-1)) :: else fi
#endif
}
inline newValue(prx) {
  b = 9+3*prx;
  do :: used(b) -> b++ :: else -> break od;
  assert(b <= 11+3*prx)
}

/* Renumbers all names by their places. This is not the protocol's: it makes equal what differs in names. */
c_code {
  static unsigned char numbered[16], next[16];
  static void see(int name) {
    if (name && name != DIRECT && !numbered[name]) {
      int base = name < 5 ? 1 : name < 9 ? 5 : name < 12 ? 9 : 12;
      numbered[name] = base + next[base]++;
    }
  }
  static void renumber(void) {
    int i;
    for (i = 0; i < 16; i++) numbered[i] = next[i] = 0;
    numbered[DIRECT] = DIRECT;
#define eachName(act) act(now.key) act(now.queue0) act(now.queue1) \
    eachNameOf(act, 0) eachNameOf(act, 1) act(now.holder)
#define eachNameOf(act, i) act(now.P[i].token) act(now.P[i].ticket) act(now.P[i].own) act(now.P[i].fresh) \
    act(now.P[i].told) act(now.P[i].grant) act(now.P[i].value)
#define seen(place) see(place);
#define replaced(place) place = numbered[place];
    eachName(seen)
#if CUTS || CRASHES
    seen(now.lateOwn) seen(now.lateFresh) seen(now.lateValue)
    replaced(now.lateOwn) replaced(now.lateFresh) replaced(now.lateValue)
    { int left = 0;
      for (i = 1; i <= 4; i++)
        if (numbered[i] && (now.unproven & 1 << (i-1))) left |= 1 << (numbered[i]-1);
      now.unproven = left; }
#endif
    eachName(replaced)
  }
}

/* What is told of a token that is no ticket's any more is ignored; so it may as well be gone at once. */
#ifdef ACCEPT_ANY
#define ignoresTold(prx) false
#else
#define ignoresTold(prx) (P[prx].told != P[prx].ticket && !(P[prx].script == want && P[prx].told == P[prx].fresh))
#endif
inline forgetTold(prx) {
  if :: P[prx].told && ignoresTold(prx) -> P[prx].told = NONE :: else fi
}

#if CUTS || CRASHES
inline endLate() { late = 0; lateOwn = NONE; lateFresh = NONE; lateValue = NONE; lateLeft = 0 }
#endif
/* The end of each step. */
inline done() {
  forgetTold(0); forgetTold(1);
  cover();
#if CUTS || CRASHES
  /* A late script that can't find any more what it would replace. */
  if
  :: (late==yield || late==renew || late==materialize) && key!=lateOwn && queue0!=lateOwn -> endLate()
  :: (late==extend || late==release || late==retain) && key!=lateValue && P[0].grant!=lateValue && P[0].value!=lateValue -> endLate()
  :: else
  fi;
#endif
  c_code { renumber(); };
  printf("            | key %d for %d, holder %d for %d, queue %d %d, tokens %d %d\n",
    key, keyLeft, holder, holderLeft, queue0, queue1, P[0].token, P[1].token);
  a = 0; b = 0; answer = 0; shown = 0
}
