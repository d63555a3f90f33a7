package io.bianque.sinks.bench;

import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.wire.AvroWriter;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.sink.SinkRecord;

/** Records like those of dropped TCP packets, each with an id, a time and addresses of its own. */
final class BenchEvents {
  static final int SCHEMA_ID = 1;
  static final String TOPIC = Topics.enriched("dropwatch");
  private static final int PARTITIONS = 4;
  private static final long BEGIN_NANOS = 1_795_355_000_000_000_000L;

  private static final List<String> STACK =
      List.of(
          "kfree_skb_reason+0x7e",
          "tcp_v4_rcv+0x8d",
          "ip_protocol_deliver_rcu+0x32",
          "ip_local_deliver_finish+0x76",
          "ip_local_deliver+0x5d",
          "ip_rcv+0x112",
          "__netif_receive_skb_one_core+0x85",
          "process_backlog+0x8b",
          "__napi_poll+0x28",
          "net_rx_action+0x29a",
          "handle_softirqs+0xd2",
          "do_softirq.part.0+0x3b",
          "__local_bh_enable_ip+0x60",
          "__dev_queue_xmit+0x2a5",
          "ip_finish_output2+0x2a0",
          "__ip_queue_xmit+0x171",
          "__tcp_transmit_skb+0xa6d",
          "tcp_connect+0xb25",
          "tcp_v4_connect+0x3c8",
          "__inet_stream_connect+0xe0",
          "inet_stream_connect+0x36",
          "__sys_connect+0xa3",
          "__x64_sys_connect+0x14",
          "do_syscall_64+0x82",
          "entry_SYSCALL_64_after_hwframe+0x76");

  private BenchEvents() {}

  static Schema schema() {
    Catalogue catalogue = Catalogue.load();
    return catalogue.schema(catalogue.topic(TOPIC));
  }

  static List<SinkRecord> records(int count) {
    Schema schema = schema();
    AvroWriter<GenericRecord> writer = AvroWriter.generic(SCHEMA_ID, schema);
    List<SinkRecord> records = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      GenericRecord event = event(schema, i);
      records.add(
          new SinkRecord(
              TOPIC,
              i % PARTITIONS,
              null,
              null,
              null,
              writer.write(event),
              i / PARTITIONS,
              System.currentTimeMillis(),
              TimestampType.CREATE_TIME));
    }
    return records;
  }

  static int partitions() {
    return PARTITIONS;
  }

  /** The fields that a TCP packet without a socket has; the others are null where they may be. */
  private static GenericRecord event(Schema schema, int number) {
    GenericRecord event = new GenericData.Record(schema);
    event.put(
        "event_id",
        "bianque.raw.dropwatch-%d-%d".formatted(number % PARTITIONS, number / PARTITIONS));
    event.put("host_name", "node-%d.example".formatted(number % 40));
    event.put("kernel_release", "6.12.95+deb13-amd64");
    event.put("kernel_build_id", "b3b7f0f2a1c94e6f9ab1d7a7b3b7f0f2a1c94e6f");
    event.put("missing", List.of());
    event.put("tags", List.of());
    event.put("rules_version", "8c1f0a52");
    event.put("host_id", "0123456789abcdef0123456789abcd%02x".formatted(number % 40));
    event.put("boot_id", "5f0e2c4e-0e53-4a52-8a7d-6f2d9a3a1f10");
    event.put("epoch", BEGIN_NANOS);
    event.put("cpu", number % 64);
    event.put("sequence", (long) number);
    event.put("ktime_ns", 86_400_000_000_000L + number * 1_003L);
    event.put("time", BEGIN_NANOS + number * 1_003L);
    event.put("pid", 1_000 + number % 5_000);
    event.put("tid", 1_000 + number % 5_000);
    event.put("comm", "worker-" + number % 50);
    event.put("cgroup_id", 1_000L + number % 300);
    event.put("netns", 4_026_531_840L + number % 300);
    event.put("ifindex", 2);
    event.put("device", "eth0");
    event.put("ether_type", "ipv4");
    event.put("ip_protocol", "tcp");
    event.put(
        "saddr", "10.%d.%d.%d".formatted(number >> 16 & 255, number >> 8 & 255, number & 255));
    event.put("saddr_name", "client-%d.example".formatted(number % 1_000));
    event.put("daddr", "10.200.0.%d".formatted(number % 250));
    event.put("daddr_name", "server-%d.example".formatted(number % 250));
    event.put("sport", 1_024 + number % 60_000);
    event.put("dport", 443);
    event.put("tcp_seq", number * 2_654_435_761L & 0xffffffffL);
    event.put("tcp_ack", 0L);
    event.put("tcp_flags", List.of("SYN"));
    event.put("tcp_window", 64_240);
    event.put("packet_length", 60L);
    event.put("drop_reason", "NO_SOCKET");
    event.put("drop_reason_code", 3L);
    event.put("drop_source", "software");
    event.put("location", "tcp_v4_rcv+0x8d");
    event.put("kernel_stack", STACK);
    return event;
  }
}
