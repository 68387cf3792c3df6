package dev.refrain.console.activity;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.ZZZ_Result;

/** Two threads add the same two new texts: each text gets one number, and a thread with a number can read its text. */
@JCStressTest
@Outcome(id = "true, true, true", expect = Expect.ACCEPTABLE, desc = "Both threads got the same numbers.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A text has two numbers, or a number has a wrong text or none.")
@State
public class TextsStress {
    private final Texts texts = new Texts(8);
    private int a;
    private int b;
    private int otherA;
    private int otherB;

    @Actor
    public void one(ZZZ_Result result) {
        a = texts.number("a");
        boolean isText = "a".equals(texts.text(a));
        b = texts.number("b");
        result.r1 = isText && "b".equals(texts.text(b));
    }

    @Actor
    public void other(ZZZ_Result result) {
        otherB = texts.number("b");
        boolean isText = "b".equals(texts.text(otherB));
        otherA = texts.number("a");
        result.r2 = isText && "a".equals(texts.text(otherA));
    }

    @Arbiter
    public void compare(ZZZ_Result result) {
        result.r3 = a == otherA && b == otherB && a != b;
    }
}
