package dev.refrain.shared.redis;

import java.nio.charset.StandardCharsets;
import java.util.Base64;

/**
 * Names of keys and channels. They contain the format version, so that versions can share a server. All keys of one
 * script have the same hash tag (the text in braces), and so the same slot of a cluster.
 */
final class Names {
    private static final String VERSION = "1";
    private static final Base64.Encoder BASE64 = Base64.getUrlEncoder().withoutPadding();

    private final String root;
    private final byte[] log;
    private final byte[] notices;
    private final byte[] machines;
    private final byte[] listeners;

    Names(String prefix) {
        this.root = prefix + ':' + VERSION + ':';
        this.log = bytes(root + "barriers");
        this.notices = bytes(root + "notices");
        this.machines = bytes(root + "machine:");
        this.listeners = bytes(root + "listeners:{" + root + "barriers}");
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /** Encodes as base64url: 22 characters for an id of 16 bytes. */
    static String text(byte[] bytes) {
        return BASE64.encodeToString(bytes);
    }

    private byte[] name(String kind, byte[] key, String more) {
        return bytes(root + kind + ":{" + text(key) + '}' + more);
    }

    byte[] entry(byte[] key) {
        return name("entry", key, "");
    }

    byte[] part(byte[] key, String salt, int number) {
        return name("part", key, ':' + salt + ':' + number);
    }

    byte[] lease(byte[] key) {
        return name("lease", key, "");
    }

    byte[] waiters(byte[] key) {
        return name("waiters", key, "");
    }

    byte[] stream(byte[] key, String token) {
        return name("stream", key, ':' + token);
    }

    byte[] streamLength(byte[] key, String token) {
        return name("stream", key, ':' + token + ":length");
    }

    /** The key of the log of barriers. */
    byte[] log() {
        return log;
    }

    /** The key of the set of machines in a cluster that listen for barriers. It is in the slot of the log. */
    byte[] listeners() {
        return listeners;
    }

    /** The channel on which each machine tells all others of the barriers that it raises. */
    byte[] notices() {
        return notices;
    }

    /** The prefix of the channels of single machines; a machine's id follows it. */
    byte[] machines() {
        return machines;
    }
}
