package dev.refrain.shared.redis;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * The Lua scripts that run in the server. Each returns an array. Times are microseconds since the epoch by the server's
 * clock, as 16 digits (enough until the year 2286), so that they can be compared as numbers and stored as text.
 *
 * <p>The value at an entry's key begins with a letter and a time. {@code E} is a whole entry, {@code M} the
 * manifest of an entry in parts, {@code T} the tombstone of a removal. The time is the beginning of the fetch, or
 * that of the removal.
 *
 * @param text Lua 5.1
 * @param digest SHA-1 of the text in hexadecimal, by which the server finds the script
 */
record Script(String text, String digest) {
    private static final String MICROS = """
            local function micros()
              local t = redis.call('TIME')
              return string.format('%s%06d', t[1], tonumber(t[2]))
            end
            """;

    /**
     * Functions for scripts with KEYS lease, waiters. {@code wake} notifies the waiters; {@code held} tests whether a
     * token is that of the lease.
     */
    private static final String WAKE = """
            local function wake(letter)
              for _, machine in ipairs(redis.call('SRANDMEMBER', KEYS[2], 1000)) do
                redis.call('PUBLISH', ARGV[1] .. machine, letter .. ARGV[2])
              end
            end
            local function held(token)
              local lease = redis.call('GET', KEYS[1])
              return lease and string.sub(lease, 1, 16) == token
            end
            """;

    /** Returns the time. */
    static final Script TIME = of("return {micros()}");

    /** KEYS entry; ARGV longest value. Returns the time, and the value if there is one that is not too long. */
    static final Script GET = of("""
            local now = micros()
            local length = redis.call('STRLEN', KEYS[1])
            if length == 0 or length > tonumber(ARGV[1]) then return {now} end
            return {now, redis.call('GET', KEYS[1])}
            """);

    /** KEYS entry; ARGV beginning of the fetch, value, TTL. Returns whether the value was stored. */
    static final Script PUT = of("""
            local there = redis.call('GETRANGE', KEYS[1], 0, 16)
            local time = tonumber(string.sub(there, 2))
            local started = tonumber(ARGV[1])
            if time and #there == 17 then
              if time > started or (time == started and string.sub(there, 1, 1) == 'T') then return {0} end
            end
            redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
            return {1}
            """);

    /** KEYS log. Returns the time of the node with the log, which is the tier's time in a cluster. */
    static final Script TIME_OF_LOG = of("return {micros(), redis.call('EXISTS', KEYS[1])}");

    /** A function for the time. In a cluster the caller passes it; a single server uses its own clock. */
    private static final String NOW = """
            local function now_or(passed)
              if passed == '' then return micros() end
              return passed
            end
            """;

    /** KEYS entry; ARGV TTL of the tombstone, the time in a cluster. Returns the time. */
    static final Script REMOVE = of(NOW + """
            local now = now_or(ARGV[2])
            redis.call('SET', KEYS[1], 'T' .. now, 'PX', ARGV[1])
            return {now}
            """);

    /**
     * Makes the log of barriers if it is missing. The log is a sorted set of names by time. The empty name has the time
     * since which the log is complete. The log and that time share a key, so the server can only evict both.
     */
    private static final String LOG = """
            if not redis.call('ZSCORE', KEYS[1], '') then
              redis.call('DEL', KEYS[1])
              redis.call('ZADD', KEYS[1], micros(), '')
            end
            """;

    /**
     * In a cluster, the log may move to another node while its listeners are still subscribed at the old node, so
     * PUBLISH does not count them. Therefore each listener also registers, again and again, in a set in the log's slot.
     */
    private static final String LISTENERS = """
            local function note(machine)
              local now = micros()
              redis.call('ZADD', KEYS[2], now, machine)
              redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 60000000)
              redis.call('PEXPIRE', KEYS[2], 60000)
              return now
            end
            local function listening()
              return redis.call('ZCOUNT', KEYS[2], micros() - 3500000, '+inf')
            end
            """;

    /**
     * KEYS log, listeners; ARGV channel of a machine, machine. Returns the time, and whether the machine is subscribed
     * at this node.
     */
    static final Script BEAT = of(LISTENERS + """
            return {note(ARGV[2]), redis.call('PUBLISH', ARGV[1], 'H')}
            """);

    /**
     * KEYS log; ARGV channel of a machine, confirmation. Runs at the node of the log, so that it works while other
     * nodes are down.
     */
    static final Script CONFIRM = of("return {redis.call('PUBLISH', ARGV[1], ARGV[2])}");

    /** KEYS log, listeners; ARGV machine. Removes the machine from the listeners. */
    static final Script LEAVE = of("return {redis.call('ZREM', KEYS[2], ARGV[1])}");

    /**
     * KEYS log, and listeners in a cluster; ARGV name, largest number of names, channel, beginning of the notice.
     * Returns the time, and the number of listening machines.
     */
    static final Script RAISE = of(LOG + LISTENERS + """
            local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
            local now = string.format('%.0f', math.max(tonumber(micros()), tonumber(last[2]) + 1))
            redis.call('ZADD', KEYS[1], now, ARGV[1])
            local tooMany = redis.call('ZCARD', KEYS[1]) - 1 - tonumber(ARGV[2])
            if tooMany > 0 then
              local gone = redis.call('ZRANGE', KEYS[1], tooMany, tooMany, 'WITHSCORES')
              redis.call('ZREMRANGEBYRANK', KEYS[1], 1, tooMany)
              redis.call('ZADD', KEYS[1], gone[2], '')
            end
            local told = redis.call('PUBLISH', ARGV[3], ARGV[4] .. now .. ARGV[1])
            if KEYS[2] then told = math.max(told, listening()) end
            return {now, told}
            """);

    /**
     * KEYS log, and listeners in a cluster; ARGV time, largest number of barriers, machine. Returns the time, the time
     * since which the log is complete, and the names and times of barriers after the given time, in order.
     */
    static final Script CATCH_UP = of(LOG + LISTENERS + """
            if KEYS[2] then note(ARGV[3]) end
            local from = redis.call('ZSCORE', KEYS[1], '')
            local answer = {micros(), string.format('%.0f', from)}
            local since = '(' .. ARGV[1]
            local raised =
              redis.call('ZRANGEBYSCORE', KEYS[1], since, '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])
            for i = 1, #raised, 2 do
              answer[#answer + 1] = string.sub(raised[i], 1, 64)
              answer[#answer + 1] = string.format('%.0f', raised[i + 1])
            end
            return answer
            """);

    /**
     * KEYS lease, waiters, entry; ARGV prefix of channels, key, machine, TTL of the lease, TTL to which another
     * holder's lease is cut, the time in a cluster. Returns whether the lease is granted, its token, and whether there
     * is an entry.
     */
    static final Script LEASE = of(NOW + """
            local lease = redis.call('GET', KEYS[1])
            local kind = redis.call('GETRANGE', KEYS[3], 0, 0)
            local stored = (kind == 'E' or kind == 'M') and 1 or 0
            if not lease then
              if ARGV[4] == '0' then return {0, 0, stored} end
              local now = now_or(ARGV[6])
              redis.call('SET', KEYS[1], now .. ARGV[3], 'PX', ARGV[4])
              return {1, now, stored}
            end
            local left = redis.call('PTTL', KEYS[1])
            if left < 0 or left > tonumber(ARGV[5]) then redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
            redis.call('SADD', KEYS[2], ARGV[3])
            redis.call('PEXPIRE', KEYS[2], ARGV[4] + 60000)
            redis.call('PUBLISH', ARGV[1] .. string.sub(lease, 17, 64), 'W' .. ARGV[2])
            return {0, string.sub(lease, 1, 16), stored}
            """);

    /**
     * KEYS lease, waiters, stream, stream length; ARGV token, TTL, machine. Returns whether the lease is held. Sets the
     * lease again if it is missing, as after a pause or a loss of data in the server.
     */
    static final Script RENEW = of(WAKE + """
            if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('SET', KEYS[1], ARGV[1] .. ARGV[3]) end
            if not held(ARGV[1]) then return {0} end
            redis.call('PEXPIRE', KEYS[1], ARGV[2])
            if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('PEXPIRE', KEYS[2], ARGV[2] + 60000) end
            redis.call('PEXPIRE', KEYS[3], ARGV[2] + 5000)
            redis.call('PEXPIRE', KEYS[4], ARGV[2] + 5000)
            return {1}
            """);

    /**
     * KEYS lease, waiters, stream, stream length; ARGV prefix of channels, key, token. Returns whether the
     * lease was held.
     */
    static final Script RELEASE = of(WAKE + """
            redis.call('DEL', KEYS[4])
            if not held(ARGV[3]) then return {0} end
            redis.call('DEL', KEYS[1])
            wake('R')
            redis.call('DEL', KEYS[2])
            redis.call('PEXPIRE', KEYS[3], 5000)
            return {1}
            """);

    /**
     * KEYS lease, waiters, stream, stream length; ARGV prefix of channels, key, token, piece, longest stream, number of
     * the piece, machine. Returns 1 if the piece is in the stream, 2 if pieces before it are lost, 0 if it is refused.
     * The id in the stream comes from the piece's number, so a piece never takes the place of a lost one. Piece 0
     * begins the stream again. Sets the lease again if it has lapsed or was lost.
     */
    static final Script APPEND = of(WAKE + """
            local number = tonumber(ARGV[6])
            if redis.call('EXISTS', KEYS[1]) == 0 then
              if number > 0 and redis.call('EXISTS', KEYS[4]) == 0 then return {2} end
              redis.call('SET', KEYS[1], ARGV[3] .. ARGV[7], 'PX', 1500)
            end
            if not held(ARGV[3]) then return {0} end
            if number == 0 then redis.call('DEL', KEYS[3], KEYS[4]) end
            local there = redis.call('XLEN', KEYS[3])
            if there > number then return {1} end
            if there < number then return {2} end
            local length = redis.call('INCRBY', KEYS[4], #ARGV[4])
            local life = redis.call('PTTL', KEYS[1]) + 5000
            redis.call('PEXPIRE', KEYS[4], life)
            if length > tonumber(ARGV[5]) then return {0} end
            redis.call('XADD', KEYS[3], '1-' .. (number + 1), 'p', ARGV[4])
            redis.call('PEXPIRE', KEYS[3], life)
            wake('P')
            return {1}
            """);

    /**
     * KEYS lease, waiters, stream; ARGV token, number of the first piece, bytes to return, longest piece. Returns
     * whether the lease is held, the number of pieces in the stream, and pieces from the first one on.
     */
    static final Script READ = of(WAKE + """
            local answer = {held(ARGV[1]) and 1 or 0, redis.call('XLEN', KEYS[3])}
            local bytes = 0
            local at = tonumber(ARGV[2]) + 1
            while bytes < tonumber(ARGV[3]) do
              local some = redis.call('XRANGE', KEYS[3], '1-' .. string.format('%.0f', at), '+', 'COUNT', 1)
              if #some == 0 then return answer end
              local piece = some[1][2][2]
              if #piece > tonumber(ARGV[4]) then return {0, 0} end
              answer[#answer + 1] = piece
              bytes = bytes + #piece + 16
              at = at + 1
            end
            return answer
            """);

    private static Script of(String body) {
        String text = MICROS + body;
        try {
            byte[] sha1 = MessageDigest.getInstance("SHA-1").digest(text.getBytes(StandardCharsets.UTF_8));
            return new Script(text, HexFormat.of().formatHex(sha1));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-1", e);
        }
    }
}
