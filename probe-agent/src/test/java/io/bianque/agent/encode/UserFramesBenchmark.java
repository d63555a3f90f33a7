package io.bianque.agent.encode;

import io.bianque.agent.binary.PerfMaps;
import io.bianque.agent.btf.Btf;
import io.bianque.agent.host.HostRoot;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.avro.Schema;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/**
 * What a sample with 40 frames of user space costs to encode: as before frames had symbols, with
 * symbols and all frames in files, with all in code that a map of 11,000 functions names, and with
 * the same and no map. Runs as the agent does, with C1 only.
 *
 * <p>Run as {@link EncodeBenchmark}. Prints one line of JSON last.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class UserFramesBenchmark {
  private static final Path OBJECT = Path.of("../bpf/target/probes/perf.bpf.o");
  private static final Path PRESENT = Path.of("../schemas/src/main/avro/raw/perf.avsc");
  private static final Path BEFORE = Path.of("../schemas/versions/raw/perf/3.avsc");
  private static final int FRAMES = 40;
  private static final int FUNCTIONS = 11_000;
  private static final int FUNCTION_BYTES = 0x400;
  private static final long CODE = 0x7fd42c000000L;
  private static final Duration LIMIT = Duration.ofSeconds(10);

  /** What frames are. */
  public enum Kind {
    BEFORE_SYMBOLS,
    IN_FILES,
    NAMED,
    NAMELESS
  }

  @Param({"BEFORE_SYMBOLS", "IN_FILES", "NAMED", "NAMELESS"})
  public Kind kind;

  private final Path map = Path.of("/tmp/perf-" + ProcessHandle.current().pid() + ".map");
  private AgentFields agent;
  private EncodePlan plan;
  private ByteBuffer channel;
  private int length;
  private byte[] out;

  @Setup
  public void prepare() throws IOException {
    Btf btf = Btf.ofElf(OBJECT);
    Path schema = kind == Kind.BEFORE_SYMBOLS ? BEFORE : PRESENT;
    plan = EncodePlan.compile(btf, "perf_event", new Schema.Parser().parse(schema.toFile()));
    out = new byte[plan.maxEncodedSize()];
    channel = ByteBuffer.allocateDirect(1 << 16).order(ByteOrder.nativeOrder());
    channel.putInt(offset(btf, "pid"), (int) ProcessHandle.current().pid());
    channel.put(offset(btf, "user_frame_count"), (byte) FRAMES);
    int at = offset(btf, "user_frames");
    for (int i = 0; i < FRAMES; i++) {
      boolean address = kind == Kind.NAMED || kind == Kind.NAMELESS;
      channel.putInt(at, address ? 2 : 1);
      channel.putLong(at + 24, CODE + i * 271L * FUNCTION_BYTES + 16);
      at += EncodePlan.FRAME_BYTES;
    }
    length = at;
    PerfMaps names = new PerfMaps(HostRoot.SYSTEM, 4 << 20);
    agent = new AgentFields("host", "boot", 4711, 0, names);
    if (kind == Kind.NAMED) {
      Files.writeString(map, text());
      awaitNames(names);
    }
  }

  private static String text() {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < FUNCTIONS; i++) {
      text.append(
          "0x%016x 0x%016x java.lang.Object io.example.package%d.SomeClass.method(java.lang.Object, int)%n"
              .formatted(CODE + (long) i * FUNCTION_BYTES, FUNCTION_BYTES, i));
    }
    return text.toString();
  }

  private void awaitNames(PerfMaps names) {
    long end = System.nanoTime() + LIMIT.toNanos();
    while (names.of((int) ProcessHandle.current().pid()).copyName(CODE, out, 0) == 0) {
      if (System.nanoTime() - end > 0) {
        throw new IllegalStateException("no names: " + names.report());
      }
      LockSupport.parkNanos(1_000_000);
    }
  }

  @TearDown
  public void deleteMap() throws IOException {
    Files.deleteIfExists(map);
  }

  @Benchmark
  public int plan() {
    return plan.encode(channel, 0, length, agent, out, 0);
  }

  private static int offset(Btf btf, String field) {
    return btf.struct("perf_event").orElseThrow().field(field).orElseThrow().offset();
  }

  public static void main(String[] args) throws RunnerException {
    Map<String, Double> nanos = new TreeMap<>();
    for (RunResult each :
        new Runner(
                new OptionsBuilder()
                    .include(UserFramesBenchmark.class.getName())
                    .forks(3)
                    .jvmArgs("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx64m")
                    .warmupIterations(3)
                    .warmupTime(TimeValue.seconds(1))
                    .measurementIterations(5)
                    .measurementTime(TimeValue.seconds(1))
                    .build())
            .run()) {
      nanos.put(
          each.getParams().getParam("kind").toLowerCase(Locale.ROOT),
          each.getPrimaryResult().getScore());
    }
    StringBuilder line = new StringBuilder("{\"bench\":\"user-frames\",\"frames\":" + FRAMES);
    nanos.forEach((kind, score) -> line.append(",\"%s_ns\":%.0f".formatted(kind, score)));
    System.out.println(line.append('}'));
  }
}
