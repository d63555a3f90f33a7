package io.bianque.standalone;

import io.bianque.standalone.live.StackState;
import io.bianque.standalone.live.StackState.Source;
import io.bianque.standalone.stack.Layout;
import io.bianque.standalone.stack.OwnedProcess;
import io.bianque.standalone.stack.Part;
import io.bianque.standalone.stack.PartReport;
import io.bianque.standalone.stack.Ports;
import io.bianque.standalone.stack.Stack;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The process behind {@code up}: owns the parts until it is told to end. */
@Command(name = "supervise", hidden = true, description = "Runs the stack until SIGTERM.")
public final class SuperviseCommand implements Callable<Integer> {

  @Option(names = "--port-base", required = true)
  private int portBase;

  @Option(names = "--source", required = true)
  private Source source;

  @Option(names = "--without", split = ",")
  private Set<String> without = Set.of();

  @Override
  public Integer call() throws IOException, InterruptedException {
    Layout layout = Layout.of(Path.of("."));
    Ports ports = new Ports(portBase);
    OwnedProcess self = OwnedProcess.of(ProcessHandle.current().pid()).orElseThrow();
    Instant startedAt = Instant.now();
    Files.createDirectories(layout.run());
    try (FileChannel channel =
            FileChannel.open(
                layout.run().resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = channel.tryLock()) {
      if (lock == null) {
        throw new UserError(ExitCode.FAILED, "another supervisor owns " + layout.data());
      }
      List<Part> parts =
          Standalone.all(layout, ports, source).stream()
              .filter(part -> !without.contains(part.name()))
              .map(part -> part.without(without))
              .toList();
      Stack stack = new Stack(parts, System.out::println);
      CountDownLatch told = new CountDownLatch(1);
      CountDownLatch ended = new CountDownLatch(1);
      Runtime.getRuntime()
          .addShutdownHook(
              Thread.ofPlatform()
                  .unstarted(() -> {
                    told.countDown();
                    awaitQuietly(ended);
                  }));
      stack.start();
      List<PartReport> written = List.of();
      do {
        List<PartReport> now = stack.report();
        if (!now.equals(written)) {
          new StackState(self, ports, source, startedAt, now).write(layout);
          written = now;
        }
      } while (!told.await(250, TimeUnit.MILLISECONDS));
      Thread closing = Thread.ofVirtual().start(stack::close);
      do {
        new StackState(self, ports, source, startedAt, stack.report()).write(layout);
      } while (!closing.join(Duration.ofMillis(100)));
      Files.deleteIfExists(StackState.file(layout));
      ended.countDown();
    }
    return ExitCode.OK;
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
