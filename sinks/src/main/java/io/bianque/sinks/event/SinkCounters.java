package io.bianque.sinks.event;

import java.lang.management.ManagementFactory;
import java.util.concurrent.atomic.LongAdder;
import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A task's counters, seen through JMX as {@code
 * io.bianque.sinks:type=<kind>,connector=<name>,task=<number>}. Any thread.
 */
public final class SinkCounters implements SinkCountersMXBean, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(SinkCounters.class);

  private final LongAdder written = new LongAdder();
  private final LongAdder alreadyThere = new LongAdder();
  private final LongAdder dead = new LongAdder();
  private final LongAdder retried = new LongAdder();
  private final ObjectName name;
  private volatile String trouble = "";

  /** Registers the counters; those of an earlier task of this name make room. */
  public SinkCounters(String kind, String connector, String task) {
    try {
      name =
          new ObjectName(
              "io.bianque.sinks:type=%s,connector=%s,task=%s"
                  .formatted(kind, ObjectName.quote(connector), task));
      MBeanServer server = ManagementFactory.getPlatformMBeanServer();
      if (server.isRegistered(name)) {
        server.unregisterMBean(name);
      }
      server.registerMBean(this, name);
    } catch (JMException e) {
      throw new IllegalStateException(
          "cannot register the counters of " + connector + "-" + task, e);
    }
  }

  public void written(long count) {
    written.add(count);
  }

  public void alreadyThere(long count) {
    alreadyThere.add(count);
  }

  public void dead(long count) {
    dead.add(count);
  }

  /** Counts an attempt that has to be made again, and logs the reason once until it changes. */
  public void retried(String why) {
    retried.increment();
    if (!why.equals(trouble)) {
      LOG.warn(
          "{}: retrying until it passes, nothing is lost meanwhile: {}",
          name.getKeyProperty("connector"),
          why);
      trouble = why;
    }
  }

  /** Says that what was in the way is not any more. */
  public void fine() {
    if (!trouble.isEmpty()) {
      LOG.info("{}: passed: {}", name.getKeyProperty("connector"), trouble);
      trouble = "";
    }
  }

  @Override
  public long getWritten() {
    return written.sum();
  }

  @Override
  public long getAlreadyThere() {
    return alreadyThere.sum();
  }

  @Override
  public long getDead() {
    return dead.sum();
  }

  @Override
  public long getRetried() {
    return retried.sum();
  }

  @Override
  public String getTrouble() {
    return trouble;
  }

  @Override
  public void close() {
    try {
      ManagementFactory.getPlatformMBeanServer().unregisterMBean(name);
    } catch (JMException e) {
      // A newer task of this name has made room for itself already.
      LOG.debug("{} is not registered any more", name, e);
    }
  }
}
