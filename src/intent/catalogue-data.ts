/**
 * Scripts of lock libraries by their SHA-1, as facts: what the script means, in which versions it
 * is, and how that is known.
 *
 * - `captured`: seen on the wire from the unmodified library.
 * - `extracted`: hash of the literal in the library's source.
 * - `computed`: hash of a common way to write the script by hand.
 *
 * Only what the text does when called with one key is told here; whether a call has that form is
 * looked at when it comes. Left out on purpose, so that Redis alone decides them: scripts with side
 * effects (a message, a signal list), with inverted or further replies, with keys of their own
 * making, and those that SELECT another database.
 */
export type Origin = 'captured' | 'extracted' | 'computed';

/** A script's SHA-1, its sources, and how the fact is known. */
export type CataloguedScript = readonly [sha: string, source: string, origin: Origin];

/** KEYS[1] holds ARGV[1]: DEL, reply 1; else reply 0. */
export const COMPARE_AND_DELETE: readonly CataloguedScript[] = [
  [
    'cf0e94b2e9ffc7e04395cf88f7583fc309985910',
    'redlock 2.x-3.x; bsm/redislock v0.7-v0.9.4; written by hand: double quotes, a space after commas, lower case',
    'captured',
  ],
  ['7157921a7cc7cfba979acf6d63f073151df17d12', 'redis-semaphore Mutex 2.x-5.8.0', 'captured'],
  ['5cc368fb92acd8fee3a986dc8e971d6cf28c3b44', 'node-redis-warlock 1.0.2', 'captured'],
  ['8797e0a1d8a2721e3b17f21ae1236166a81be165', 'node-redis-warlock 0.2.0', 'extracted'],
  ['b6a796aa8d73bb4ce6e26afe648196d086a8d1f1', 'redislock 1.3.0', 'captured'],
  ['4dbb87cd80182f627d42cf6042188ecf00a1ff12', 'ioredis-lock 4.0.0', 'extracted'],
  ['da225123b2af4a41136fdba7ffac1e045e344da1', '@microfleet/ioredis-lock 6.0.1', 'captured'],
  ['a0b59436cc046114766453c42adbb4c9c62ca99c', '@medusajs/locking-redis 2.21.2', 'extracted'],
  ['fd83166fb3d7235e3ace652b700c9e217c1adc1f', 'redlock-universal 0.8.5', 'captured'],
  [
    '0a87223fb92fcc2308021a1b6da07197448b6402',
    '@verrou/core 0.5.2; @chat-adapter/state-redis 4.41.1',
    'captured',
  ],
  ['36c51548bc94e82390cca93961e4cfcd20a2c1f7', 'murlock 4.4.0', 'extracted'],
  ['26d3b9cc0b3748f0deee05ecf24f37a068d8e552', 'safe-redis-leader 0.0.6', 'extracted'],
  ['c3f8721cbb97f72bc19e972846bd7aaf91901658', 'redis-py Lock 3.0-8.1.0', 'captured'],
  ['a4aada0b36710970eedaaaeec4a6b7d8c78c4f80', 'pottery Redlock 3.0.1', 'extracted'],
  ['4e92fdc63815b3a0a2dd1c1df3694de73607c88d', 'redlock-py 1.0.8', 'captured'],
  ['00583931c4e4d483f6233879c133c71ed5393f9d', 'go-redsync/redsync v1-v4.11.x', 'extracted'],
  ['9eb62214c9af87ae5f9a9f12bb4520281c0d2ae1', 'rueidislock v1.0.50+', 'extracted'],
  [
    '7726c7be95e2a0ed082ec1da1e26b562f5c8903f',
    'rueidislock v1.0.30; written by hand: double quotes, no space after commas, upper case',
    'extracted',
  ],
  ['8ddffa0e0a11ec7ba22f860a8f550079aabc4fd5', 'go-zero RedisLock 1.5.5 and later', 'extracted'],
  ['e04ea1352c46ae16a15753d4960bee821bf3b3fa', 'go-zero RedisLock before 1.5.5', 'extracted'],
  [
    '194f3902b2dd08557818d09fc2e7682d91480e53',
    'ShedLock redis 7.9.0; the snippet of the Redis documentation, newline at its end',
    'extracted',
  ],
  ['18b2a577dbe847b16bebde190d69a1613d68e60e', 'RedLock.net 2.3.2', 'extracted'],
  [
    '647c65a442733a1aa440f99908d249d13b4d6c4a',
    'Laravel Cache RedisLock 5.8-13.x; the snippet of the Redis documentation',
    'extracted',
  ],
  ['a50243715157b186c5162c69e02eff3bf0c7994a', 'Laravel Redis::funnel 5.x-13.x', 'extracted'],
  ['d220654d7721ae520b15ed0e24a4cc97024efa08', 'malkusch/lock 3.x', 'extracted'],
  ['a3c474d56e072c9dde09ba0b8a0018a026cdff7f', 'malkusch/lock 2.2.1', 'extracted'],
  ['8e4905cee18e7c3188d10f2b8b170e403baed34f', 'redlock-rb 1.x-2.0.6', 'extracted'],
  ['daf86bbf8740dd3ca86733367a016364b2110627', 'rslock 0.7.3', 'extracted'],
  ['5c252c1a0eaeeb4522fbbb982baba4e74ddfcd0d', 'Redlock.ex 1.0.13', 'extracted'],
  [
    'b70c2384248f88e6b75b9f89241a180f856ad852',
    'written by hand: double quotes, no space after commas, lower case',
    'computed',
  ],
  [
    '013976d92eab7585a652ddbf0f4ae3746f38b191',
    'written by hand: double quotes, a space after commas, upper case',
    'computed',
  ],
  [
    'ae3671744a5dbb24ea37ef607b8b10ac7856d43e',
    'written by hand: single quotes, no space after commas, lower case',
    'computed',
  ],
  [
    '001af810a34ff925bb35a02c538788163da8301d',
    'written by hand: single quotes, no space after commas, upper case',
    'computed',
  ],
  [
    'e9f69f2beb755be68b5e456ee2ce9aadfbc4ebf4',
    'written by hand: single quotes, a space after commas, lower case',
    'computed',
  ],
  [
    'd02e481a9c91ceec59c5822a58a49d5d5d7ac80b',
    'written by hand: single quotes, a space after commas, upper case',
    'computed',
  ],
];

/** As COMPARE_AND_DELETE, by UNLINK or DEL, but the other reply is nil. */
export const COMPARE_AND_DELETE_OR_NIL: readonly CataloguedScript[] = [
  [
    'f0f9038aa2b6d6c3436c72d147573ea2a58f0ef2',
    'Spring Integration RedisLockRegistry 6.0.7, 6.2-7.2.0-M1',
    'extracted',
  ],
  [
    '356d97191f2b63031781ccc0e8e82f02e1995a90',
    'Spring Integration RedisLockRegistry 6.2-6.5',
    'extracted',
  ],
];

/** KEYS[1] holds ARGV[1]: PEXPIRE by ARGV[2] milliseconds, reply 1; else reply 0. */
export const COMPARE_AND_PEXPIRE: readonly CataloguedScript[] = [
  [
    'a7aba3bc5d6e99b3003da8b9d80a63b9f4092ecf',
    'redlock 2.x-3.x; bsm/redislock v0.7-v0.9.4; written by hand: double quotes, a space after commas, lower case',
    'captured',
  ],
  ['594683e49a64ebaf975caf5f8079a1d097c438f1', 'redis-semaphore Mutex 5.3.1-5.8.0', 'captured'],
  ['b8781a7c50e72ae869ca41c3fe9f504e365f3881', 'redislock 1.3.0', 'captured'],
  ['50f5ab4d38adaf78b662a67356cf1fe302b3e00f', 'ioredis-lock 4.0.0', 'extracted'],
  ['bf3108245472c550b02852e1e425128e5eb399c4', '@microfleet/ioredis-lock 6.0.1', 'captured'],
  ['e218d686a8f90368e5cd45074f06ce766cad9987', 'redlock-universal 0.8.5', 'captured'],
  [
    '3950eadb2785a5afcc0daf9e56adc0bbd14017a4',
    '@verrou/core 0.5.2; @chat-adapter/state-redis 4.41.1',
    'captured',
  ],
  ['1a9a0be467341ce07ebed5942786b68f095e3d68', 'safe-redis-leader 0.0.6', 'extracted'],
  ['1cac51482acf5858da00f6d685d68f886cd6b6b2', 'redis-py Lock 3.2-8.1.0', 'captured'],
  ['ba015a80261b616e7a62d35df0b8e3edbe6c9414', 'pottery Redlock 3.0.1', 'extracted'],
  ['53692746b44cae854b8dfa32b177218bbe40baee', 'go-redsync/redsync v1-v3', 'extracted'],
  ['d75bb8b5bd13532ddedd17762e772346e39b321e', 'go-redsync/redsync v4.0.0-v4.17.0', 'extracted'],
  ['67256370c2d1c87e2250898075542b1a7fa5b917', 'ShedLock redis 7.9.0', 'extracted'],
  [
    '36e94d1c6e02fcefaa7ee5d79eee614dbac55f10',
    'written by hand: double quotes, no space after commas, lower case',
    'computed',
  ],
  [
    '0e7931781efef3f36cfc1553a2cc2367e0830b3b',
    'written by hand: double quotes, no space after commas, upper case',
    'computed',
  ],
  [
    'c50343e01dd9310b37fcced0dccd5ac1eecff492',
    'written by hand: double quotes, a space after commas, upper case',
    'computed',
  ],
  [
    '0be193f9697b4b30826e1bc553c0064e0e04668c',
    'written by hand: single quotes, no space after commas, lower case',
    'computed',
  ],
  [
    'ed14d29a097a79c56e92fccf3af3890b4b7aec5a',
    'written by hand: single quotes, no space after commas, upper case',
    'computed',
  ],
  [
    '9136fcf51831e5cf49f109b6e9c97d5b675280d6',
    'written by hand: single quotes, a space after commas, lower case',
    'computed',
  ],
  [
    '3c47f94dc28d90f47ce03eabe2ebe59e85e54bf1',
    'written by hand: single quotes, a space after commas, upper case',
    'computed',
  ],
];

/** As COMPARE_AND_PEXPIRE, but the other reply is nil. */
export const COMPARE_AND_PEXPIRE_OR_NIL: readonly CataloguedScript[] = [
  [
    '879e0f7b8d83c3266d4e996627438c05dbda0b89',
    'Spring Integration RedisLockRegistry 6.4-7.2.0-M1',
    'extracted',
  ],
];

/** KEYS[1] holds ARGV[1]: EXPIRE by ARGV[2] seconds, reply 1; else reply 0. */
export const COMPARE_AND_EXPIRE: readonly CataloguedScript[] = [
  ['4294933f08f20c8eba99ef809315810389dfb0a3', '@medusajs/locking-redis 2.21.2', 'extracted'],
  ['d5f94f1848f0c54fff99d99dbc4d54184a157c02', 'Laravel Cache RedisLock 12/13.x', 'extracted'],
  [
    '57486f22cb7668ecfab9f6e275419892fa3c4018',
    'written by hand: double quotes, no space after commas, lower case',
    'computed',
  ],
  [
    '1e2a1fc2705632392e83c0ccbbf72b25fa3c39c6',
    'written by hand: double quotes, no space after commas, upper case',
    'computed',
  ],
  [
    'a2c2e4c111924caec00216d4881ed37a644435ce',
    'written by hand: double quotes, a space after commas, lower case',
    'computed',
  ],
  [
    'beedfd9c100a909b4b20d25e737dd6b564391614',
    'written by hand: double quotes, a space after commas, upper case',
    'computed',
  ],
  [
    '1a2d32fb94a60fe3fee7cba19ec69b5e99ed9354',
    'written by hand: single quotes, no space after commas, lower case',
    'computed',
  ],
  [
    'a94507e893a34e691f1d1d5692b8faf536afe26d',
    'written by hand: single quotes, no space after commas, upper case',
    'computed',
  ],
  [
    '398fd9cdd4bbc4f637ecdf8bb77818df0f5daa74',
    'written by hand: single quotes, a space after commas, lower case',
    'computed',
  ],
  [
    'c0210c69549d2c6d0c89e1affe8bf0a4263a3cfa',
    'written by hand: single quotes, a space after commas, upper case',
    'computed',
  ],
];

/** All of KEYS are absent: SET each to ARGV[1] for ARGV[2] milliseconds, reply their number; else 0. */
export const SET_ALL_IF_ABSENT: readonly CataloguedScript[] = [
  ['e5a322e2634ef59a516e8ea150cb085afafee684', 'redlock 4.0.0-4.2.0', 'captured'],
  ['96da70f7716f27d278a5218544df37fd8b0a5e4c', 'redlock 5.0.0-beta.1, 5.0.0-beta.2', 'captured'],
];

/** DEL each of KEYS that holds ARGV[1], reply how many did. */
export const COMPARE_AND_DELETE_ALL: readonly CataloguedScript[] = [
  ['0f0f23b9048b36752b5be114f357ba083449f908', 'redlock 4.0.0-4.2.0', 'captured'],
  ['e4612211c9f8f51c257e26e056b0a654b3187242', 'redlock 5.0.0-beta.1, 5.0.0-beta.2', 'captured'],
];

/** All of KEYS hold ARGV[1]: SET each to it for ARGV[2] milliseconds, reply their number; else 0. */
export const COMPARE_AND_SET_ALL: readonly CataloguedScript[] = [
  ['ce46f80993d5dac20dd066eb301a4e37994bdbed', 'redlock 4.0.0-4.2.0', 'captured'],
  ['aed6f382e410db8ba7926d4e5e9aab410bf2a78a', 'redlock 5.0.0-beta.1, 5.0.0-beta.2', 'captured'],
];

/** KEYS[1] holds ARGV[1]: SET it to that for ARGV[2] milliseconds, reply 1; else 0. */
export const COMPARE_AND_SET: readonly CataloguedScript[] = [
  ['17a49af0c4b1a9034503fa84f3570f5ca76c4cbf', 'rslock 0.7.3', 'extracted'],
];

/** SET KEYS[1] to ARGV[1] NX PX ARGV[2]; reply OK, or nil where the key was there. */
export const SET_IF_ABSENT: readonly CataloguedScript[] = [
  ['862f31bf38e9b63ce28d6e9e5143551bb34ef981', 'redlock 2.x-3.x', 'captured'],
];

/** SETNX of KEYS[1] to ARGV[1], then PEXPIRE by ARGV[2] milliseconds; reply 1, or 0 where the key was there. */
export const SETNX_AND_PEXPIRE: readonly CataloguedScript[] = [
  ['5688a2541c9edd77746bcd2385e65ff3639a664f', 'redis-py LuaLock 2.10.x', 'extracted'],
];

/** Mean something else to a lock, but touch no key beside KEYS. */
export const NAMED_KEYS_ONLY: readonly CataloguedScript[] = [
  ['15c8f9866a66624fdde522d8ee86a463c6a7b821', 'redis-semaphore Mutex <=5.3.0', 'captured'],
  ['43ebdb49120d170e08af560cb4e46e36f8585936', 'redis-semaphore Semaphore 5.8.0', 'captured'],
  ['999a49a1d07671a8027165641001f5bad44608b3', 'redis-semaphore Semaphore 5.8.0', 'captured'],
  ['0eafb65e6aa537bcc966e2af2a66dc7f3f66e121', '@medusajs/locking-redis 2.21.2', 'extracted'],
  ['4181d5af82ff00f12fe8f2952fed7db5774fc369', 'murlock 4.4.0', 'extracted'],
  ['a4e8783852e6b949f9ef3a97212805108459a890', 'redis-py Lock 3.5.0-8.1.0', 'captured'],
  ['4a484ac024e9b025224cd9f8e1d59dbf3c15d00d', 'redis-py Lock / LuaLock 2.10.x-3.4.x', 'extracted'],
  ['f5f7bd3a3aa4a63c507c1155c5ea1219b350d992', 'pottery Redlock 3.0.1', 'extracted'],
  ['e950836ed1e694540c503ef9972b8de518044d3b', 'go-redsync/redsync v4.12.0-v4.17.0', 'extracted'],
  ['b6b55c439e02c6f52ffb8be7ec8c0d0ac816ea79', 'go-redsync/redsync v4.13.0-v4.17.0', 'extracted'],
  ['6484da7d58920897fdc22b7f9afd1a3d47524ea8', 'bsm/redislock v0.7-v0.9.4', 'extracted'],
  ['80a1b5f2cfccec3b7119ba7721d2127682b691a7', 'bsm/redislock v0.9.x', 'extracted'],
  ['d45f589e3a7cc4684a8caa7681e6a24186f1e6a7', 'go-zero RedisLock 1.5.5 and later', 'extracted'],
  ['dbecad63894903ddf755d05d73a3eb7432ef75c0', 'go-zero RedisLock before 1.5.5', 'extracted'],
  [
    '6d2bc6d16248df19e144841297222544e3c7800a',
    'Spring Integration RedisLockRegistry 5.5.x-6.0.x',
    'extracted',
  ],
  [
    '175897a4e379e99e79a54937be09226f76cdcfe5',
    'Spring Integration RedisLockRegistry 6.1.1-7.2.0-M1',
    'extracted',
  ],
  ['9f614a785a5f9ae8c6396c6b4bf94d2087342603', 'RedLock.net 2.3.2', 'extracted'],
  ['ceb2b2062e40c51a2b3963fd078bc71f11bdc65c', 'redlock-rb 1.x-2.0.6', 'extracted'],
  ['78d2ca48a6dc9ef6892059792a3a0c5237733d64', 'redlock-rb 1.x-2.0.6', 'extracted'],
  ['411b7c153e0ab3ba59d6d1e36cc7858ebd76f2c5', 'celery-redbeat 2.4.2', 'extracted'],
];
