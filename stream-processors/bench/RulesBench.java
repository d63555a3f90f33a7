package io.bianque.streams.rule;

import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topics;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;

/**
 * Asks 50 rules of dropwatch of events that they let pass, so that every rule is asked: the compiled rules as the stream
 * tier has them, and each condition by CEL's interpreter. A shallow copy of the event, some 55 fields, is the measure
 * beside them.
 */
final class RulesBench {
  private static final double GOAL_NS = 2000;
  private static final int EVENTS = 512;
  private static final int TURNS = 15;

  /** Of this thread alone: what else the machine does is not what rules cost. */
  private static final ThreadMXBean CLOCK = ManagementFactory.getThreadMXBean();

  /** As the kernel of a host without special offloads drops a segment that nobody wants. */
  private static final List<String> STACK =
      List.of(
          "sk_skb_reason_drop", "tcp_v4_rcv", "ip_protocol_deliver_rcu", "ip_local_deliver_finish", "ip_local_deliver",
          "ip_rcv", "__netif_receive_skb_one_core", "process_backlog", "__napi_poll", "net_rx_action",
          "handle_softirqs", "do_softirq.part.0", "__local_bh_enable_ip", "__dev_queue_xmit", "ip_finish_output2",
          "__ip_queue_xmit", "__tcp_transmit_skb", "tcp_connect", "tcp_v4_connect", "__inet_stream_connect",
          "inet_stream_connect", "__sys_connect", "__x64_sys_connect", "do_syscall_64",
          "entry_SYSCALL_64_after_hwframe");

  private static final List<String> REASONS = List.of("NO_SOCKET", "NETFILTER_DROP", "TCP_OLD_DATA", "NOT_SPECIFIED");
  private static final List<String> STATES = List.of("ESTABLISHED", "CLOSE_WAIT", "LISTEN", "FIN_WAIT2");

  private RulesBench() {}

  public static void main(String[] args) throws Exception {
    Catalogue catalogue = Catalogue.load();
    Schema schema = catalogue.schema(catalogue.topic(Topics.enriched("dropwatch")));
    String text = Files.readString(Path.of(args[0]));
    Rules rules = Rules.of(args[0], text, Map.of("dropwatch", schema), Set.of(), Set.of());
    if (!rules.interpreted().isEmpty()) {
      throw new IllegalStateException("not compiled: " + rules.interpreted());
    }
    List<Condition> interpreted = new ArrayList<>();
    for (RulesFile.Rule rule : RulesFile.parse(args[0], text).rules()) {
      interpreted.add(Checked.of(Checked.compiler(schema).compile(rule.when()).getAst()).interpreted());
    }
    List<GenericRecord> events = events(schema);
    for (GenericRecord event : events) {
      if (!rules.decide("dropwatch", "id", event).equals(Outcome.UNTOUCHED)) {
        throw new IllegalStateException("is ignored, so that not every rule is asked: " + event);
      }
    }
    double compiled = nanos(events, 200, event -> use(rules.decide("dropwatch", "id", event)));
    double byInterpreter = nanos(events, 2, event -> {
      Scope scope = new Scope(event);
      interpreted.forEach(condition -> use(condition.test(scope)));
    });
    double copy = nanos(events, 200, event -> use(copy(event)));
    System.out.printf(Locale.ROOT, "CPU ns an event, %d rules that let it pass (median of %d turns):%n", interpreted.size(), TURNS);
    System.out.printf(Locale.ROOT, "  compiled     %,10.0f%n  interpreted  %,10.0f%n  copy         %,10.0f%n", compiled, byInterpreter, copy);
    System.out.printf(
        Locale.ROOT,
        "{\"bench\":\"rules\",\"ratio\":%.3f,\"goal_ns\":%.0f,\"compiled_ns\":%.0f,\"interpreted_ns\":%.0f,\"copy_ns\":%.0f,\"rules\":%d}%n",
        GOAL_NS / compiled, GOAL_NS, compiled, byInterpreter, copy, interpreted.size());
  }

  private static double nanos(List<GenericRecord> events, int rounds, Consumer<GenericRecord> work) {
    double[] turns = new double[TURNS];
    for (int turn = -5; turn < TURNS; turn++) { // the first ones warm up
      long begin = CLOCK.getCurrentThreadCpuTime();
      for (int round = 0; round < rounds; round++) {
        events.forEach(work);
      }
      if (turn >= 0) {
        turns[turn] = (double) (CLOCK.getCurrentThreadCpuTime() - begin) / rounds / events.size();
      }
    }
    Arrays.sort(turns);
    return turns[TURNS / 2];
  }

  private static volatile Object used;

  /** So that nothing is left out because nobody looks at it. */
  private static void use(Object result) {
    used = result;
  }

  private static GenericRecord copy(GenericRecord event) {
    GenericRecord copy = new GenericData.Record(event.getSchema());
    for (int i = 0; i < event.getSchema().getFields().size(); i++) {
      copy.put(i, event.get(i));
    }
    return copy;
  }

  private static List<GenericRecord> events(Schema schema) {
    Random random = new Random(20261128);
    List<GenericRecord> events = new ArrayList<>();
    for (int i = 0; i < EVENTS; i++) {
      GenericRecord event = new GenericData.Record(schema);
      List<String> stack = new ArrayList<>();
      // Frames and addresses are made for each event; names of codes are the tables' own.
      STACK.forEach(function -> stack.add(function + "+0x" + Integer.toHexString(random.nextInt(2048))));
      event.put("kernel_stack", stack);
      event.put("missing", List.of());
      event.put("comm", random.nextBoolean() ? "curl" : "java");
      event.put("cpu", random.nextInt(64));
      event.put("pid", random.nextInt(100_000));
      event.put("ether_type", "IPv4");
      event.put("packet_length", 40L + random.nextInt(1400));
      event.put("drop_source", "software");
      event.put("drop_reason", REASONS.get(random.nextInt(REASONS.size())));
      event.put("device", "eth0");
      if (random.nextInt(10) > 0) {
        event.put("ip_protocol", "TCP");
        event.put("saddr", "10.3." + random.nextInt(256) + "." + random.nextInt(256));
        event.put("daddr", "10.4." + random.nextInt(256) + "." + random.nextInt(256));
        event.put("sport", 32_768 + random.nextInt(20_000));
        event.put("dport", 5_000 + random.nextInt(900));
        event.put("tcp_flags", List.of("ACK", "PSH"));
        event.put("sk_state", STATES.get(random.nextInt(STATES.size())));
        event.put("sk_protocol", "TCP");
      }
      events.add(event);
    }
    return events;
  }
}
