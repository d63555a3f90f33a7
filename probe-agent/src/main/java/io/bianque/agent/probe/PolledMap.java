package io.bianque.agent.probe;

import io.bianque.agent.encode.AgentFields;
import io.bianque.agent.encode.EncodeFailure;
import io.bianque.agent.libbpf.MapReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;

/**
 * A polled map in the kernel: each look hands on the entries that have changed since the one
 * before, with their totals since the epoch. One thread at a time.
 */
final class PolledMap {
  /** In a record of all CPUs together. */
  private static final int ALL_CPUS = -1;

  private final PolledPlan plan;
  private final MapReader reader;
  private final ByteBuffer record;
  private final byte[] encoded;
  private final Map<ByteBuffer, long[]> last = new HashMap<>();
  private final Account account;

  /**
   * @throws ProbeRejected when the map is not as its structs say
   */
  PolledMap(PolledPlan plan, MapReader reader, Account account) {
    this.plan = plan;
    this.reader = reader;
    this.account = account;
    this.record =
        ByteBuffer.allocate(plan.valueAt() + plan.valueBytes()).order(ByteOrder.nativeOrder());
    this.encoded = new byte[plan.encoding().maxEncodedSize()];
    if (reader.keyBytes() != plan.keyBytes() || reader.valueBytes() != plan.valueBytes()) {
      throw new ProbeRejected(
          "map %s has keys of %d and values of %d bytes, struct %s_key has %d and struct %s %d"
              .formatted(
                  plan.map(),
                  reader.keyBytes(),
                  reader.valueBytes(),
                  plan.stream(),
                  plan.keyBytes(),
                  plan.stream(),
                  plan.valueBytes()));
    }
  }

  String stream() {
    return plan.stream();
  }

  /** Records so far, those that could not be encoded included. */
  long records() {
    return account.records();
  }

  Map<EncodeFailure, Long> encodeFailures() {
    return account.failures();
  }

  /** Says that an earlier run made records of this life. */
  void adopted(long epoch, EventSink sink) {
    sink.adopted(
        plan.stream(), epoch, plan.encoding().schema(), account.records() - account.failed());
  }

  /** Reads the map; what has changed goes to the sink as of this monotonic time. */
  void poll(long ktimeNanos, long epoch, AgentFields fields, EventSink sink) {
    reader.forEach((keys, keyAt, values, valueAt) -> {
      if (changed(keys, keyAt, values, valueAt)) {
        emit(ktimeNanos, epoch, fields, sink);
      }
    });
  }

  /** Puts the entry into the record; false when it is as it was, or was never counted in. */
  private boolean changed(ByteBuffer keys, int keyAt, ByteBuffer values, int valueAt) {
    record.put(plan.keyAt(), keys, keyAt, plan.keyBytes());
    boolean changed = false;
    long[] before = last.get(record.slice(plan.keyAt(), plan.keyBytes()));
    long[] now = before == null ? new long[plan.valueBytes() / Long.BYTES] : before;
    for (int i = 0; i < now.length; i++) {
      long sum = 0;
      for (int cpu = 0; cpu < reader.cpus(); cpu++) {
        sum += values.getLong(valueAt + cpu * plan.valueBytes() + i * Long.BYTES);
      }
      changed |= sum != now[i];
      now[i] = sum;
      record.putLong(plan.valueAt() + i * Long.BYTES, sum);
    }
    if (changed && before == null) {
      byte[] key = new byte[plan.keyBytes()];
      record.get(plan.keyAt(), key);
      last.put(ByteBuffer.wrap(key), now);
    }
    return changed;
  }

  private void emit(long ktimeNanos, long epoch, AgentFields fields, EventSink sink) {
    account.records(account.records() + 1);
    record.putLong(PolledPlan.KTIME_AT, ktimeNanos);
    record.putLong(PolledPlan.SEQUENCE_AT, account.records());
    record.putInt(PolledPlan.CPU_AT, ALL_CPUS);
    int size = plan.encoding().encode(record, 0, record.capacity(), fields, encoded, 0);
    if (size < 0) {
      account.failed(EncodeFailure.of(size));
      return;
    }
    sink.event(
        plan.stream(),
        epoch,
        plan.encoding().wallNanos(record, 0, fields),
        encoded,
        0,
        size,
        Receipt.NONE);
  }
}
