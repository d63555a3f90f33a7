package io.bianque.agent.probe;

import io.bianque.agent.btf.Btf;
import io.bianque.agent.btf.BtfField;
import io.bianque.agent.btf.BtfStruct;
import io.bianque.agent.btf.BtfType;
import io.bianque.agent.encode.EncodePlan;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.Schema;

/**
 * A map of a probe's object that is read every interval, and how its entries become records: what
 * every event begins with, then {@code struct <probe>_<map>_key}, then {@code struct
 * <probe>_<map>}.
 *
 * @param map its name in the object
 * @param stream what its records are published as: {@code <probe>_<map>}
 * @param keyAt where in a record the key begins
 * @param valueAt where in a record the value begins
 */
record PolledPlan(
    String map,
    String stream,
    int keyAt,
    int keyBytes,
    int valueAt,
    int valueBytes,
    EncodePlan encoding) {
  static final int KTIME_AT = 0;
  static final int SEQUENCE_AT = 8;
  static final int CPU_AT = 16;
  private static final int HEADER_BYTES = 24;
  private static final BtfType U64 = new BtfType.Int("__u64", Long.BYTES, false, false, false);
  private static final BtfType S32 = new BtfType.Int("__s32", Integer.BYTES, true, false, false);

  /**
   * The plan of one polled map.
   *
   * @param schema of its records, named as the stream
   * @throws ProbeRejected when the object does not describe it, or describes it otherwise
   * @throws io.bianque.agent.encode.PlanMismatch when struct and schema differ
   */
  static PolledPlan compile(String probe, Btf btf, Schema schema) {
    String stream = schema.getName();
    BtfStruct key = struct(probe, btf, stream + "_key");
    BtfStruct value = struct(probe, btf, stream);
    for (BtfField field : value.fields()) {
      if (!isCounter(field.type())) {
        throw new ProbeRejected(
            "probe %s: struct %s, field %s, C type %s: the values of a polled map are summed over CPUs, so each is a __u64 or an array of it"
                .formatted(probe, stream, field.name(), field.type().cName()));
      }
    }
    int valueAt = HEADER_BYTES + (key.size() + 7 & ~7);
    List<BtfField> fields = new ArrayList<>();
    fields.add(new BtfField("ktime_ns", KTIME_AT * Byte.SIZE, 0, U64));
    fields.add(new BtfField("sequence", SEQUENCE_AT * Byte.SIZE, 0, U64));
    fields.add(new BtfField("cpu", CPU_AT * Byte.SIZE, 0, S32));
    key.fields().forEach(field -> fields.add(moved(field, HEADER_BYTES)));
    value.fields().forEach(field -> fields.add(moved(field, valueAt)));
    BtfStruct record = new BtfStruct(stream, valueAt + value.size(), fields);
    return new PolledPlan(
        stream.substring(probe.length() + 1),
        stream,
        HEADER_BYTES,
        key.size(),
        valueAt,
        value.size(),
        EncodePlan.compile(record, schema));
  }

  private static BtfStruct struct(String probe, Btf btf, String name) {
    return btf.struct(name)
        .orElseThrow(() ->
            new ProbeRejected(
                "probe %s: there is a schema of a polled map, but no struct %s in the object's BTF"
                    .formatted(probe, name)));
  }

  private static boolean isCounter(BtfType type) {
    return switch (type) {
      case BtfType.Int integer -> integer.size() == Long.BYTES && !integer.signed();
      case BtfType.Array array -> isCounter(array.element());
      default -> false;
    };
  }

  private static BtfField moved(BtfField field, int bytes) {
    return new BtfField(
        field.name(), field.offsetBits() + bytes * Byte.SIZE, field.bitFieldBits(), field.type());
  }
}
