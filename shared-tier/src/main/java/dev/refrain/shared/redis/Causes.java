package dev.refrain.shared.redis;

import dev.refrain.engine.spi.SharedTierException;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisCommandTimeoutException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Describes failures of commands. Uses only the first word of a server's message, because the rest may quote the
 * command's contents.
 */
final class Causes {
    /** A message of Redis before version 7, which has the error of a command in a script after the line number. */
    private static final Pattern IN_SCRIPT =
            Pattern.compile("^ERR Error running script .*@user_script: ?[0-9]+: -?([A-Z]{1,20}) ");

    private Causes() {}

    static Throwable unwrapped(Throwable failure) {
        Throwable cause = failure;
        while (cause instanceof CompletionException && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause;
    }

    static boolean isTimeout(Throwable failure) {
        Throwable cause = unwrapped(failure);
        return cause instanceof RedisCommandTimeoutException || cause instanceof TimeoutException;
    }

    /** The code of the server's error, such as {@code OOM}; null if the failure is not a server's error. */
    static String code(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof RedisCommandExecutionException && cause.getMessage() != null) {
                Matcher inScript = IN_SCRIPT.matcher(cause.getMessage());
                if (inScript.find()) {
                    return inScript.group(1);
                }
                String word = cause.getMessage().split("[ :]", 2)[0];
                return word.matches("[A-Z]{1,20}") ? word : "ERR";
            }
        }
        return null;
    }

    /** The failure itself if it is a {@link SharedTierException}, else such an exception that describes it. */
    static SharedTierException of(Throwable failure) {
        return unwrapped(failure) instanceof SharedTierException known
                ? known
                : new SharedTierException("the shared tier failed: " + brief(failure), null);
    }

    /** A description in a few words, without contents and secrets. */
    static String brief(Throwable failure) {
        String code = code(failure);
        if (code != null) {
            return "the server says " + code;
        }
        Throwable root = failure;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        if (isTimeout(root)) {
            return "no answer in time";
        }
        return root.getClass().getSimpleName();
    }
}
