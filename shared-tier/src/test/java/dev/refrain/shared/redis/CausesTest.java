package dev.refrain.shared.redis;

import static org.assertj.core.api.Assertions.assertThat;

import io.lettuce.core.RedisCommandExecutionException;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Error messages of servers; before version 7, also those from within scripts. */
class CausesTest {
    private static final String SCRIPT =
            "ERR Error running script (call to f_4678f5e07162ee7eeabd12712fdd6113f4bb92e4): ";

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "OOM command not allowed when used memory > 'maxmemory'. | OOM",
                "READONLY You can't write against a read only replica. | READONLY",
                "SCRIPT @user_script:1: @user_script: 1: -OOM command not allowed when used memory > 'maxmemory' | OOM",
                "SCRIPT @user_script:1: @user_script: 1: -READONLY You can't write against a replica. | READONLY",
                "SCRIPT @user_script:1: WRONGTYPE Operation against a key holding the wrong kind of value | WRONGTYPE",
                "SCRIPT @user_script:1: @user_script: 1: Unknown Redis command called from Lua script | ERR",
                "what is no code | ERR"
            })
    void theCodeOfAnErrorIsKnown(String message, String code) {
        Throwable failure = new RedisCommandExecutionException(message.replace("SCRIPT ", SCRIPT));
        assertThat(Causes.code(new CompletionException(failure))).isEqualTo(code);
    }
}
