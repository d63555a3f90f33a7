package io.bianque.agent.encode;

import io.bianque.agent.btf.Btf;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/**
 * What one dropwatch event with a stack of 20 frames costs to encode, against Avro's own writer of
 * the same values from a record that exists already. Runs as the agent does, with C1 only.
 *
 * <p>Run in probe-agent: {@code java -cp target/test-classes:target/classes:$(cat
 * target/test-classpath.txt) io.bianque.agent.encode.EncodeBenchmark}, after {@code mvn -pl
 * bpf,probe-agent -am package dependency:build-classpath -DskipTests
 * -Dmdep.outputFile=target/test-classpath.txt}. Prints one line of JSON last.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class EncodeBenchmark {
  private static final Path OBJECT = Path.of("../bpf/target/probes/dropwatch.bpf.o");
  private static final Path SCHEMA = Path.of("../schemas/src/main/avro/raw/dropwatch.avsc");
  private static final int FRAMES = 20;

  private final AgentFields agent =
      new AgentFields(
          "b57e326b-6444-4d6c-b5ec-d4c2ea98861b",
          "d0736fca-850d-4ece-97da-55d571897cd5",
          1_795_354_265_699_403_714L,
          1_795_354_265_699_403_714L);
  private EncodePlan plan;
  private ByteBuffer channel;
  private int length;
  private byte[] out;
  private GenericRecord record;
  private GenericDatumWriter<GenericRecord> writer;
  private BinaryEncoder encoder;
  private ByteArrayOutputStream bytes;

  @Setup
  public void prepare() throws IOException {
    Schema schema = new Schema.Parser().parse(SCHEMA.toFile());
    Btf btf = Btf.ofElf(OBJECT);
    plan = EncodePlan.compile(btf, "dropwatch_event", schema);
    out = new byte[plan.maxEncodedSize()];
    channel = ByteBuffer.allocateDirect(1 << 16).order(ByteOrder.nativeOrder());
    length = fill(btf);
    record = record(schema);
    writer = new GenericDatumWriter<>(schema);
    bytes = new ByteArrayOutputStream(4096);
    plan();
    avro();
    if (!java.util.Arrays.equals(bytes.toByteArray(), java.util.Arrays.copyOf(out, bytes.size()))) {
      throw new IllegalStateException("the two encode different values");
    }
  }

  @Benchmark
  public int plan() {
    return plan.encode(channel, 8, length, agent, out, 0);
  }

  @Benchmark
  public int avro() throws IOException {
    bytes.reset();
    encoder = EncoderFactory.get().directBinaryEncoder(bytes, encoder);
    writer.write(record, encoder);
    encoder.flush();
    return bytes.size();
  }

  /** A TCP packet refused by a closed port. Returns the event's length. */
  private int fill(Btf btf) {
    set(btf, "ktime_ns", 1_000_000_000_000L);
    set(btf, "sequence", 123_456);
    set(btf, "cpu", 1);
    set(btf, "pid", 4242);
    set(btf, "tid", 4243);
    text(btf, "comm", "nginx");
    set(btf, "cgroup_id", 4444);
    set(btf, "has_location", 1);
    set(btf, "location", 0xffffffff81a2b3c4L);
    for (String flag : List.of("netns", "device", "ip", "ports", "tcp", "socket", "drop_reason")) {
      set(btf, "has_" + flag, 1);
    }
    set(btf, "netns", 4026531840L);
    set(btf, "ifindex", 2);
    text(btf, "device", "eth0");
    set(btf, "ether_type", 0x800);
    set(btf, "ip_protocol", 6);
    set(btf, "address_length", 4);
    set(btf, "saddr", 0x0100000aL);
    set(btf, "daddr", 0x0200000aL);
    set(btf, "sport", 40_000);
    set(btf, "dport", 443);
    set(btf, "tcp_seq", 3_000_000_000L);
    set(btf, "tcp_ack", 2_000_000_000L);
    set(btf, "tcp_flags", 2);
    set(btf, "tcp_window", 64_240);
    set(btf, "sk_state", 10);
    set(btf, "sk_protocol", 6);
    set(btf, "packet_length", 60);
    set(btf, "drop_reason", 3);
    set(btf, "kernel_stack_frames", FRAMES);
    int stack = offset(btf, "kernel_stack");
    for (int i = 0; i < FRAMES; i++) {
      channel.putLong(8 + stack + i * 8, 0xffffffff81000000L + i * 0x12345L);
    }
    return stack + FRAMES * 8;
  }

  private GenericRecord record(Schema schema) {
    GenericRecord r = new GenericData.Record(schema);
    r.put("host_id", "b57e326b-6444-4d6c-b5ec-d4c2ea98861b");
    r.put("boot_id", "d0736fca-850d-4ece-97da-55d571897cd5");
    r.put("epoch", 1_795_354_265_699_403_714L);
    r.put("cpu", 1);
    r.put("sequence", 123_456L);
    r.put("ktime_ns", 1_000_000_000_000L);
    r.put("time", 1_795_354_265_699_403_714L + 1_000_000_000_000L);
    r.put("pid", 4242);
    r.put("tid", 4243);
    r.put("comm", "nginx");
    r.put("cgroup_id", 4444L);
    r.put("netns", 4026531840L);
    r.put("ifindex", 2);
    r.put("device", "eth0");
    r.put("ether_type", 0x800);
    r.put("ip_protocol", 6);
    r.put("saddr", ByteBuffer.wrap(new byte[] {10, 0, 0, 1}));
    r.put("daddr", ByteBuffer.wrap(new byte[] {10, 0, 0, 2}));
    r.put("sport", 40_000);
    r.put("dport", 443);
    r.put("tcp_seq", 3_000_000_000L);
    r.put("tcp_ack", 2_000_000_000L);
    r.put("tcp_flags", 2);
    r.put("tcp_window", 64_240);
    r.put("sk_state", 10);
    r.put("sk_protocol", 6);
    r.put("packet_length", 60L);
    r.put("drop_reason", 3L);
    r.put(
        "drop_source",
        new GenericData.EnumSymbol(schema.getField("drop_source").schema(), "SOFTWARE"));
    r.put("location", 0xffffffff81a2b3c4L);
    List<Long> stack = new ArrayList<>();
    for (int i = 0; i < FRAMES; i++) {
      stack.add(0xffffffff81000000L + i * 0x12345L);
    }
    r.put("kernel_stack", stack);
    return r;
  }

  private void set(Btf btf, String field, long value) {
    int at = 8 + offset(btf, field);
    long size =
        btf.struct("dropwatch_event").orElseThrow().field(field).orElseThrow().type().size();
    for (int i = 0; i < Math.min(size, 8); i++) {
      channel.put(at + i, (byte) (value >>> (8 * i)));
    }
  }

  private void text(Btf btf, String field, String value) {
    channel.put(8 + offset(btf, field), value.getBytes(StandardCharsets.US_ASCII));
  }

  private static int offset(Btf btf, String field) {
    return btf.struct("dropwatch_event").orElseThrow().field(field).orElseThrow().offset();
  }

  public static void main(String[] args) throws RunnerException {
    Collection<RunResult> results =
        new Runner(
                new OptionsBuilder()
                    .include(EncodeBenchmark.class.getName())
                    .forks(1)
                    .jvmArgs("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx64m")
                    .warmupIterations(3)
                    .warmupTime(TimeValue.seconds(1))
                    .measurementIterations(5)
                    .measurementTime(TimeValue.seconds(1))
                    .build())
            .run();
    double plan = nanos(results, "plan");
    double avro = nanos(results, "avro");
    System.out.printf(
        Locale.ROOT,
        "{\"bench\":\"encode\",\"event\":\"dropwatch, %d frames\",\"plan_ns\":%.0f,\"avro_ns\":%.0f,\"ratio\":%.2f}%n",
        FRAMES,
        plan,
        avro,
        avro / plan);
  }

  private static double nanos(Collection<RunResult> results, String benchmark) {
    return results.stream()
        .filter(r -> r.getPrimaryResult().getLabel().equals(benchmark))
        .findFirst()
        .orElseThrow()
        .getPrimaryResult()
        .getScore();
  }
}
