package dev.refrain.console.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.testing.Await;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class WalksTest {
    private final Walks walks = new Walks(600);

    @Test
    void twoWalksRunTwoWaitAndAFifthIsRefusedAtOnce() throws AdminException {
        CountDownLatch goOn = new CountDownLatch(1);
        CountDownLatch under = new CountDownLatch(2);
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<CompletableFuture<Boolean>> taken = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                taken.add(CompletableFuture.supplyAsync(() -> walk(under, goOn), threads));
            }
            Await.until(() -> under.getCount() == 0);
            for (int i = 0; i < 2; i++) {
                taken.add(CompletableFuture.supplyAsync(() -> walk(under, goOn), threads));
            }
            Await.until(() -> walks.waiting() == 2);
            assertThatThrownBy(() -> walks.take(() -> true))
                    .isInstanceOfSatisfying(
                            AdminException.class,
                            busy -> assertThat(busy.status()).isEqualTo(503));
            assertThat(walks.waiting()).isEqualTo(2);
            goOn.countDown();
            assertThat(taken)
                    .allSatisfy(one -> assertThat(
                                    one.orTimeout(60, TimeUnit.SECONDS).join())
                            .isTrue());
        } finally {
            goOn.countDown();
            threads.shutdown();
        }
        for (int i = 0; i < 10; i++) {
            assertThat(walks.<Boolean>take(() -> true)).isTrue();
            assertThatThrownBy(() -> walks.take(() -> {
                        throw AdminException.badRequest("no");
                    }))
                    .hasMessage("no");
        }
    }

    /** A slow download blocks neither other downloads nor other readers of the log. */
    @Test
    void aWalkInStepsTakesATurnForEachStep() throws AdminException {
        Walks hasty = new Walks(0);
        try (Walks.Steps one = hasty.inSteps();
                Walks.Steps two = hasty.inSteps()) {
            assertThatThrownBy(hasty::inSteps)
                    .isInstanceOfSatisfying(
                            AdminException.class,
                            busy -> assertThat(busy.status()).isEqualTo(503));
            assertThat(one.<Boolean>take(() -> true)).isTrue();
            assertThat(two.<Boolean>take(() -> true)).isTrue();
            assertThat(one.<Boolean>take(() -> hasty.<Boolean>take(() -> true)))
                    .as("the other turn is free")
                    .isTrue();
        }
        try (Walks.Steps again = hasty.inSteps()) {
            hasty.take(() -> hasty.take(() -> {
                assertThatThrownBy(() -> again.take(() -> true))
                        .as("both turns are taken")
                        .hasMessageContaining("try again");
                return true;
            }));
        }
    }

    private boolean walk(CountDownLatch under, CountDownLatch goOn) {
        try {
            return walks.take(() -> {
                under.countDown();
                try {
                    return goOn.await(60, TimeUnit.SECONDS);
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });
        } catch (AdminException e) {
            throw new IllegalStateException(e);
        }
    }
}
