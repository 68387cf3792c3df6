package dev.refrain.console.activity;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * Numbers for frequent texts: names of models, presets and scopes. A number in the queue costs its reader no
 * processor-cache miss; a reference to a text would. Thread-safe.
 */
final class Texts {
    /** Bounded, because clients choose the names of models. With the longest texts this is about 1 MiB. */
    private static final int MOST = 4096;

    private static final int LONGEST = 64;

    /** Stands for a null text. */
    static final int NONE = 0;
    /** Stands for a text without a number: the text is too long, or all numbers are taken. */
    static final int UNNUMBERED = -1;

    private final int most;
    private final ConcurrentHashMap<String, Integer> numbers = new ConcurrentHashMap<>();
    private final AtomicReferenceArray<String> texts;
    private final AtomicInteger last = new AtomicInteger();

    Texts() {
        this(MOST);
    }

    Texts(int most) {
        this.most = most;
        this.texts = new AtomicReferenceArray<>(most + 1);
    }

    /** The text's number, {@link #NONE} for null. */
    int number(String text) {
        if (text == null) {
            return NONE;
        }
        Integer known = numbers.get(text);
        if (known != null) {
            return known;
        }
        return text.length() > LONGEST || last.get() >= most ? UNNUMBERED : begin(text);
    }

    private int begin(String text) {
        int next = last.incrementAndGet();
        if (next > most) {
            return UNNUMBERED;
        }
        texts.set(next, text);
        Integer earlier = numbers.putIfAbsent(text, next);
        return earlier == null ? next : earlier;
    }

    /** The text with a number, null for {@link #NONE}. */
    String text(int number) {
        return texts.get(number);
    }
}
