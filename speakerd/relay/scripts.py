"""What Redis does in one piece, in its own language. Its clock counts, so relays need not agree on the time. Pure."""

from __future__ import annotations

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

ADMIT = (
    _NOW
    + """
-- KEYS: sessions, rate.  ARGV: session, most sessions, per minute, lease in ms
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
    if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 'too many sessions' end
    local per_minute = tonumber(ARGV[3])
    if per_minute > 0 then
        local due = math.max(now, tonumber(redis.call('GET', KEYS[2]) or '0'))
        if due - now > 60000 - 60000 / per_minute then return 'too often' end
        redis.call('SET', KEYS[2], string.format('%.0f', due + 60000 / per_minute), 'PX', 120000)
    end
end
redis.call('ZADD', KEYS[1], now + ARGV[4], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[4] * 2)
return 'granted'
"""
)

RENEW = (
    _NOW
    + """
-- KEYS: sessions of one token.  ARGV: lease in ms, session...
for index = 2, #ARGV do redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[index]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1] * 2)
return 1
"""
)

SPEND = """
-- KEYS: receipt, day, month.  ARGV: billionths of a dollar, seconds to remember each of the three
if redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[2]) then
    redis.call('INCRBY', KEYS[2], ARGV[1])
    redis.call('EXPIRE', KEYS[2], ARGV[3])
    redis.call('INCRBY', KEYS[3], ARGV[1])
    redis.call('EXPIRE', KEYS[3], ARGV[4])
end
return 1
"""

ADD = """
-- KEYS: tokens by digest, digests by name.  ARGV: name, digest, record
if redis.call('HSETNX', KEYS[2], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
return 1
"""

REVOKE = """
-- KEYS: as above.  ARGV: name, the record's digest, the record as revoked
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
return 1
"""
