package io.bianque.schemas.raw;

import java.util.Optional;
import org.apache.avro.Schema;

/**
 * The logical types of raw schemas: what a number or a run of bytes from the kernel means. An agent
 * encodes by them, enrichment translates by them.
 */
public enum Meaning {
  // Supplied by the agent; the C struct has no such field.
  HOST_ID("host-id", Schema.Type.STRING),
  BOOT_ID("boot-id", Schema.Type.STRING),
  PROBE_EPOCH("probe-epoch", Schema.Type.LONG),
  TIMESTAMP_NANOS("timestamp-nanos", Schema.Type.LONG),

  // Unsigned 64 bits in C, and the same bits in Avro's long.
  SEQUENCE("sequence", Schema.Type.LONG),
  MONOTONIC_NANOS("monotonic-nanos", Schema.Type.LONG),
  CGROUP_ID("cgroup-id", Schema.Type.LONG),
  UINT64("uint64", Schema.Type.LONG),
  /** A total that 63 bits hold for as long as a kernel runs, so that it can be calculated with. */
  COUNTER("counter", Schema.Type.LONG),
  KERNEL_ADDRESS("kernel-address", Schema.Type.LONG),
  /** An array of addresses, innermost first. */
  KERNEL_STACK("kernel-stack", Schema.Type.ARRAY),
  /** An array of addresses in a process's own memory, innermost first. */
  USER_STACK("user-stack", Schema.Type.ARRAY),
  /** An array of places in files that a process runs, innermost first: {@link UserFrames}. */
  USER_FRAMES("user-frames", Schema.Type.ARRAY),

  /** 4 or 16 bytes in network order. */
  IP_ADDRESS("ip-address", Schema.Type.BYTES),
  /** As in {@code include/net/tcp_states.h}. */
  TCP_STATE("tcp-state", Schema.Type.INT),
  /** Bit 0 FIN to bit 7 CWR. */
  TCP_FLAGS("tcp-flags", Schema.Type.INT),
  /** A value of {@code enum skb_drop_reason}, whose numbers change from kernel to kernel. */
  DROP_REASON("drop-reason", Schema.Type.LONG),
  /** A value of an enum of the kernel that the type names: {@link KernelEnum}. */
  KERNEL_ENUM("kernel-enum", Schema.Type.LONG),
  /**
   * Counts by powers of two: element i of values from 2^i, of element 0 from 0, to below 2^(i+1).
   */
  LOG2_HISTOGRAM("log2-histogram", Schema.Type.ARRAY),
  /** IANA protocol number. */
  IP_PROTOCOL("ip-protocol", Schema.Type.INT),
  /** EtherType in host byte order. */
  ETHER_TYPE("ether-type", Schema.Type.INT);

  private final String word;
  private final Schema.Type type;

  Meaning(String word, Schema.Type type) {
    this.word = word;
    this.type = type;
  }

  /** As the schema's {@code logicalType} says it. */
  public String word() {
    return word;
  }

  /** The Avro type that carries it. */
  public Schema.Type type() {
    return type;
  }

  /** Whether the agent supplies it, and the C struct has no such field. */
  public boolean fromAgent() {
    return switch (this) {
      case HOST_ID, BOOT_ID, PROBE_EPOCH, TIMESTAMP_NANOS -> true;
      default -> false;
    };
  }

  /** Whether it is an unsigned 64-bit integer in C. */
  public boolean unsigned64() {
    return switch (this) {
      case SEQUENCE, MONOTONIC_NANOS, CGROUP_ID, UINT64, COUNTER, KERNEL_ADDRESS -> true;
      default -> false;
    };
  }

  /**
   * The meaning of a field's type, a nullable one's included; empty when it has no logical type.
   */
  public static Optional<Meaning> of(Schema type) {
    String word = notNull(type).getProp("logicalType");
    for (Meaning meaning : values()) {
      if (meaning.word.equals(word)) {
        return Optional.of(meaning);
      }
    }
    return Optional.empty();
  }

  /** Whether the type is a union of null and one other. */
  public static boolean nullable(Schema type) {
    return type.isUnion()
        && type.getTypes().size() == 2
        && type.getTypes().stream().anyMatch(member -> member.getType() == Schema.Type.NULL);
  }

  /** The type without its null, where it is nullable; else itself. */
  public static Schema notNull(Schema type) {
    if (!nullable(type)) {
      return type;
    }
    Schema first = type.getTypes().getFirst();
    return first.getType() == Schema.Type.NULL ? type.getTypes().getLast() : first;
  }
}
