package io.bianque.agent.log;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.slf4j.Marker;
import org.slf4j.event.Level;
import org.slf4j.helpers.LegacyAbstractLogger;
import org.slf4j.helpers.MessageFormatter;

/**
 * Writes {@code time LEVEL Class - message}.
 *
 * <p>The agent speaks from INFO on (from DEBUG with {@code -Dbianque.log=debug}). Of Kafka's client
 * only errors are heard, and nothing of its connections: it says the same at each attempt, the
 * agent once, when the state changes.
 */
final class LineLogger extends LegacyAbstractLogger {
  private static final long serialVersionUID = 1L;
  private static final Level OWN =
      "debug".equals(System.getProperty("bianque.log")) ? Level.DEBUG : Level.INFO;
  private static final String OWN_PACKAGE = "io.bianque.";
  private static final String CONNECTIONS = "org.apache.kafka.clients.NetworkClient";

  private final Level threshold;
  private final String shortName;

  LineLogger(String name) {
    this.name = name;
    this.shortName = name.substring(name.lastIndexOf('.') + 1);
    this.threshold =
        name.startsWith(OWN_PACKAGE) ? OWN : name.equals(CONNECTIONS) ? null : Level.ERROR;
  }

  private boolean enabled(Level level) {
    return threshold != null && level.toInt() >= threshold.toInt();
  }

  @Override
  protected void handleNormalizedLoggingCall(
      Level level, Marker marker, String message, Object[] arguments, Throwable thrown) {
    StringBuilder line = new StringBuilder(128);
    line.append(Instant.now().truncatedTo(ChronoUnit.MILLIS))
        .append(' ')
        .append(level)
        .append(' ')
        .append(shortName)
        .append(" - ")
        .append(MessageFormatter.basicArrayFormat(message, arguments))
        .append('\n');
    if (thrown != null) {
      StringWriter trace = new StringWriter();
      thrown.printStackTrace(new PrintWriter(trace));
      line.append(trace);
    }
    PrintStream out = System.err;
    out.print(line);
    out.flush();
  }

  @Override
  protected String getFullyQualifiedCallerName() {
    return null;
  }

  @Override
  public boolean isTraceEnabled() {
    return enabled(Level.TRACE);
  }

  @Override
  public boolean isDebugEnabled() {
    return enabled(Level.DEBUG);
  }

  @Override
  public boolean isInfoEnabled() {
    return enabled(Level.INFO);
  }

  @Override
  public boolean isWarnEnabled() {
    return enabled(Level.WARN);
  }

  @Override
  public boolean isErrorEnabled() {
    return enabled(Level.ERROR);
  }
}
