package io.bianque.agent.libbpf;

import java.nio.ByteBuffer;

/**
 * The way of events from a program to this process, read by looking at shared memory: no system
 * call and no call back an event.
 *
 * <p>One thread drains; any thread may close, after which draining throws. To be closed before the
 * object.
 */
public sealed interface EventChannel extends AutoCloseable permits RingBuffer, PerfBuffer {

  /**
   * Hands over the records that are there, at most {@code maxRecords}; one whose handler throws is
   * handed over too. Their room is given back by {@link #release}.
   *
   * @return records handed over; less than {@code maxRecords} when no more were there
   */
  int drain(int maxRecords, RecordHandler handler);

  /** Behind the record that was handed over last; grows with every record. */
  long position();

  /**
   * Gives the room of all records before this position back to the kernel. What was not released is
   * still there for whoever opens the channel next, if it outlives this process.
   */
  void release(long position);

  /** Whether more than half of the room waits to be given back. */
  boolean isPressed();

  /** Records that the channel itself says it lost. */
  long lost();

  @Override
  void close();

  /** Who takes the records. */
  @FunctionalInterface
  interface RecordHandler {
    /**
     * Takes one record.
     *
     * @param data the channel's memory in native order, read-only; the record is {@code [offset,
     *     offset + length)} until this returns
     * @param length may have up to 7 bytes of padding in it
     */
    void record(ByteBuffer data, int offset, int length);
  }
}
