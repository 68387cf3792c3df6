package dev.refrain.shared.redis;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * The scripts that run in the server. Each returns an array. The clock is that of the server, in microseconds since the
 * epoch, as 16 digits (good until the year 2286), so that it can be compared as a number and stored as text.
 *
 * <p>A value of an entry begins with a letter ({@code E} an entry, {@code M} the manifest of one in parts, {@code T} a
 * removal) and the time when its fetch began, or when it was removed.
 *
 * @param text Lua 5.1
 * @param digest SHA-1 of the text in hexadecimal, by which the server knows it
 */
record Script(String text, String digest) {
    private static final String MICROS = """
            local function micros()
              local t = redis.call('TIME')
              return string.format('%s%06d', t[1], tonumber(t[2]))
            end
            """;

    /** Gives keys of the lease and its waiters, and what tells them something. */
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

    /** The time. */
    static final Script TIME = of("return {micros()}");

    /** KEYS entry; ARGV longest. Returns the time and, if there is one, the value. */
    static final Script GET = of("""
            local now = micros()
            local length = redis.call('STRLEN', KEYS[1])
            if length == 0 or length > tonumber(ARGV[1]) then return {now} end
            return {now, redis.call('GET', KEYS[1])}
            """);

    /** KEYS entry; ARGV started, value, life. Returns whether it was put. */
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

    /** The time in a cluster, where each node has a clock: KEYS log, which is at the node whose clock counts. */
    static final Script TIME_OF_LOG = of("return {micros(), redis.call('EXISTS', KEYS[1])}");

    /** In a cluster, the time is passed. */
    private static final String NOW = """
            local function now_or(passed)
              if passed == '' then return micros() end
              return passed
            end
            """;

    /** KEYS entry; ARGV for how long it is remembered, the time if it is passed. Returns the time. */
    static final Script REMOVE = of(NOW + """
            local now = now_or(ARGV[2])
            redis.call('SET', KEYS[1], 'T' .. now, 'PX', ARGV[1])
            return {now}
            """);

    /**
     * The log of barriers is a sorted set of names by time. The empty name stands for the time since when the log is
     * complete: it is in the same key, so that no eviction parts them.
     */
    private static final String LOG = """
            if not redis.call('ZSCORE', KEYS[1], '') then
              redis.call('DEL', KEYS[1])
              redis.call('ZADD', KEYS[1], micros(), '')
            end
            """;

    /**
     * In a cluster, listeners may be at another node for a moment after the log has moved, and are not counted by it.
     * So each notes in the log's slot that it is there, time and again.
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

    /** KEYS log, listeners; ARGV channel of a machine, machine. Returns the time, and whether its channel is here. */
    static final Script BEAT = of(LISTENERS + """
            return {note(ARGV[2]), redis.call('PUBLISH', ARGV[1], 'H')}
            """);

    /** KEYS log; ARGV channel of a machine, confirmation. By the node that has the log, whichever others are down. */
    static final Script CONFIRM = of("return {redis.call('PUBLISH', ARGV[1], ARGV[2])}");

    /** KEYS log, listeners; ARGV machine. Nobody waits for it any more. */
    static final Script LEAVE = of("return {redis.call('ZREM', KEYS[2], ARGV[1])}");

    /**
     * KEYS log, and listeners in a cluster; ARGV name, how many, channel, notice before the time. Returns the time, and
     * who is told.
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
     * KEYS log, and listeners in a cluster; ARGV since, how many, machine. Returns the time, since when none is
     * missing, and names and times in order.
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
     * KEYS lease, waiters, entry; ARGV channel, key, machine, for how long, for how long another's lasts, the time if
     * it is passed. Returns whether it is granted, its token, and whether there is an entry.
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
     * KEYS lease, waiters, stream, its length; ARGV token, for how long, machine. Returns whether it is held. After a
     * server's pause, or when it was emptied, the lease is set again.
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

    /** KEYS lease, waiters, stream, its length; ARGV channel, key, token. Returns whether it was held. */
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
     * KEYS lease, waiters, stream, its length; ARGV channel, key, token, piece, longest, number, machine. Returns 1 if
     * it is in the stream: under an id that its number gives, so that no piece ever takes the place of one that was
     * lost. Returns 2 if those before it are lost: the first piece begins the stream anew. A lease that has lapsed, or
     * was lost, is set again.
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
     * KEYS lease, waiters, stream; ARGV token, first, bytes, longest piece. Returns whether it is live, how many pieces
     * there are, and pieces.
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
