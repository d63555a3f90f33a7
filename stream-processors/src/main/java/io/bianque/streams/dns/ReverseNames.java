package io.bianque.streams.dns;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import com.github.benmanes.caffeine.cache.Ticker;
import io.bianque.streams.names.IpAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xbill.DNS.DClass;
import org.xbill.DNS.ExtendedResolver;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.PTRRecord;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Resolver;
import org.xbill.DNS.ResolverConfig;
import org.xbill.DNS.ReverseMap;
import org.xbill.DNS.SOARecord;
import org.xbill.DNS.Section;
import org.xbill.DNS.SimpleResolver;
import org.xbill.DNS.Type;

/**
 * Reverse DNS without waiting. Thread-safe.
 *
 * <p>The first question for an address starts a lookup and is answered {@link Answer.Pending};
 * later ones get what came of it, for as long as the answer's TTL says, negative ones too (RFC
 * 2308). One address is asked for once at a time, and only so many at the same time. After {@code
 * breakerFailures} lookups in a row without any answer no more are made for a while, but one at a
 * time to see whether the servers are back; until they are, nothing is worth waiting for: no answer
 * is {@link Answer.Pending}.
 */
public final class ReverseNames {
  private static final Logger LOG = LoggerFactory.getLogger(ReverseNames.class);

  /** What is known of an address. */
  public sealed interface Answer {
    record Known(String name) implements Answer {}

    /** DNS answered that it has no name. */
    record Nameless() implements Answer {}

    /** Being asked for. */
    record Pending() implements Answer {}

    /** It was being asked for when the event went on without it: only of what is recorded. */
    record Unanswered() implements Answer {}

    /** No answer is to be had now, and why. */
    record Unavailable(String reason) implements Answer {}
  }

  /**
   * What is known, and how long.
   *
   * @param resolvedAt when DNS answered or was given up; null when it was not asked, or has not
   *     answered
   * @param validUntil until when that is remembered; null likewise
   */
  public record Found(Answer answer, Instant resolvedAt, Instant validUntil) {
    Found(Answer answer) {
      this(answer, null, null);
    }
  }

  /**
   * How to ask, and how much.
   *
   * @param servers none for those of the system
   * @param timeout of one question, over all servers
   * @param cacheEntries addresses remembered at most
   * @param concurrent questions at the same time at most
   * @param queued addresses that wait to be asked for at most
   * @param breakerFailures failures in a row after which asking is paused
   * @param breakerPause how long
   */
  public record Settings(
      List<InetSocketAddress> servers,
      Duration timeout,
      int cacheEntries,
      int concurrent,
      int queued,
      int breakerFailures,
      Duration breakerPause) {
    public Settings {
      servers = List.copyOf(servers);
    }

    public static Settings defaults() {
      return new Settings(
          List.of(), Duration.ofSeconds(2), 20_000, 64, 2_000, 10, Duration.ofSeconds(10));
    }
  }

  // A TTL of 0 must not mean a question an event, nor one of a week that a renamed host keeps its
  // old name.
  private static final Duration LEAST_TTL = Duration.ofSeconds(10);
  private static final Duration MOST_TTL = Duration.ofHours(1);
  private static final Duration MOST_NEGATIVE_TTL = Duration.ofMinutes(15);
  private static final Duration FAILURE_TTL = Duration.ofSeconds(15);

  /** Of a question or a lookup. */
  private enum Outcome {
    CACHED,
    ANSWERED,
    NAMELESS,
    FAILED,
    TIMEOUT,
    QUEUE_FULL,
    BREAKER_OPEN,
    SKIPPED
  }

  private static final Answer NAMELESS = new Answer.Nameless();
  private static final Found NOT_ASKED_FOR = new Found(NAMELESS);
  private static final Found PENDING = new Found(new Answer.Pending());
  private static final Found QUEUE_FULL =
      new Found(new Answer.Unavailable("too many addresses wait to be asked for"));
  private static final Found SERVERS_SILENT =
      new Found(new Answer.Unavailable("the DNS servers do not answer"));

  private record Entry(Found found, Duration ttl) {
    Entry(Answer answer, Duration ttl, Instant now) {
      this(new Found(answer, now, now.plus(ttl)), ttl);
    }
  }

  private final Settings settings;
  private final Resolver resolver;
  private final Cache<IpAddress, Entry> answers;
  private final Ticker ticker;
  private final Object lock = new Object();

  // Guarded by lock.
  private final Map<IpAddress, Boolean> outstanding = new HashMap<>();
  private final Queue<IpAddress> queue = new ArrayDeque<>();
  private int running;
  private int failuresInARow;

  // Written with the lock held. Each event asks while the servers are silent, and takes no lock
  // for it.
  private volatile long pausedUntilNanos;
  private volatile boolean paused;

  private final Map<Outcome, LongAdder> outcomes = new EnumMap<>(Outcome.class);

  public ReverseNames(Settings settings) {
    this(settings, Ticker.systemTicker());
  }

  ReverseNames(Settings settings, Ticker ticker) {
    this.settings = settings;
    this.resolver = resolver(settings);
    this.ticker = ticker;
    this.answers =
        Caffeine.newBuilder()
            .maximumSize(settings.cacheEntries())
            .ticker(ticker)
            .executor(Runnable::run)
            .expireAfter(Expiry.writing((IpAddress address, Entry entry) -> entry.ttl()))
            .build();
    for (Outcome outcome : Outcome.values()) {
      outcomes.put(outcome, new LongAdder());
    }
  }

  private static Resolver resolver(Settings settings) {
    List<InetSocketAddress> servers =
        settings.servers().isEmpty()
            ? ResolverConfig.getCurrentConfig().servers()
            : settings.servers();
    SimpleResolver[] each =
        servers.stream().map(SimpleResolver::new).toArray(SimpleResolver[]::new);
    for (SimpleResolver server : each) {
      // A lost packet is as likely as a dead server: each is asked twice within the whole time.
      server.setTimeout(settings.timeout().dividedBy(2));
    }
    ExtendedResolver all = new ExtendedResolver(each);
    all.setTimeout(settings.timeout());
    all.setRetries(2);
    return all;
  }

  /** What is known of the address now. Never waits. */
  public Found lookup(IpAddress address) {
    if (!address.mayHaveName()) {
      count(Outcome.SKIPPED);
      return NOT_ASKED_FOR;
    }
    Entry entry = answers.getIfPresent(address);
    if (entry != null) {
      count(Outcome.CACHED);
      return entry.found();
    }
    return ask(address);
  }

  private Found ask(IpAddress address) {
    if (nobodyIsAsked()) {
      count(Outcome.BREAKER_OPEN);
      return SERVERS_SILENT;
    }
    Found until;
    synchronized (lock) {
      until = paused ? SERVERS_SILENT : PENDING;
      if (paused) {
        if (nobodyIsAsked() || running > 0) {
          count(Outcome.BREAKER_OPEN);
          return SERVERS_SILENT;
        }
        pause(); // while this one is asked for
      } else if (outstanding.containsKey(address)) {
        return PENDING;
      } else if (running >= settings.concurrent()) {
        if (queue.size() >= settings.queued()) {
          count(Outcome.QUEUE_FULL);
          return QUEUE_FULL;
        }
        outstanding.put(address, true);
        queue.add(address);
        return PENDING;
      }
      outstanding.put(address, true);
      running++;
    }
    send(address);
    // An answer may be there already: a resolver may fail at once.
    Entry entry = answers.getIfPresent(address);
    return entry == null ? until : entry.found();
  }

  private boolean nobodyIsAsked() {
    return paused && ticker.read() - pausedUntilNanos < 0;
  }

  private void pause() {
    pausedUntilNanos = ticker.read() + settings.breakerPause().toNanos();
    paused = true;
  }

  private void send(IpAddress address) {
    Message query =
        Message.newQuery(
            Record.newRecord(ReverseMap.fromAddress(address.toInetAddress()), Type.PTR, DClass.IN));
    Executor inPlace = Runnable::run;
    try {
      var _ =
          resolver
              .sendAsync(query, inPlace)
              .whenComplete((answer, failure) -> {
                if (failure == null) {
                  answered(address, answer);
                } else {
                  failed(address, failure);
                }
              });
    } catch (RuntimeException e) {
      failed(address, e);
    }
  }

  private void answered(IpAddress address, Message answer) {
    int rcode = answer.getRcode();
    Entry entry;
    if (rcode == Rcode.NOERROR || rcode == Rcode.NXDOMAIN) {
      entry = name(answer).orElseGet(() -> new Entry(NAMELESS, negativeTtl(answer), Instant.now()));
      count(entry.found().answer() instanceof Answer.Known ? Outcome.ANSWERED : Outcome.NAMELESS);
    } else {
      // The servers are there and say no: the zone is broken or not for us. Others may be well.
      entry =
          new Entry(
              new Answer.Unavailable("DNS answered " + Rcode.string(rcode)),
              FAILURE_TTL,
              Instant.now());
      count(Outcome.FAILED);
    }
    answers.put(address, entry);
    done(address, true);
  }

  private void failed(IpAddress address, Throwable failure) {
    LOG.debug("No answer for {}: {}", address, failure.toString());
    count(Outcome.TIMEOUT);
    answers.put(
        address,
        new Entry(
            new Answer.Unavailable("no DNS server answered within " + settings.timeout()),
            FAILURE_TTL,
            Instant.now()));
    done(address, false);
  }

  private void done(IpAddress address, boolean serversAnswer) {
    IpAddress next;
    synchronized (lock) {
      outstanding.remove(address);
      running--;
      if (serversAnswer) {
        if (paused) {
          LOG.info("The DNS servers answer again");
        }
        failuresInARow = 0;
        paused = false;
      } else if (++failuresInARow >= settings.breakerFailures()) {
        if (!paused) {
          LOG.warn(
              "No DNS server answers; names are left out, and one is asked for every {}",
              settings.breakerPause());
        }
        pause();
        queue.forEach(outstanding::remove);
        queue.clear();
      }
      next = queue.poll();
      if (next != null) {
        running++;
      }
    }
    if (next != null) {
      send(next);
    }
  }

  private static Optional<Entry> name(Message answer) {
    // Several names are legal; the alphabet's first, so that every replay shows the same.
    return answer.getSection(Section.ANSWER).stream()
        .filter(PTRRecord.class::isInstance)
        .map(PTRRecord.class::cast)
        .min((a, b) -> a.getTarget().compareTo(b.getTarget()))
        .map(ptr ->
            new Entry(
                new Answer.Known(text(ptr.getTarget())),
                bounded(ptr.getTTL(), MOST_TTL),
                Instant.now()));
  }

  private static String text(Name name) {
    return name.toString(true).toLowerCase(Locale.ROOT);
  }

  private static Duration negativeTtl(Message answer) {
    return answer.getSection(Section.AUTHORITY).stream()
        .filter(SOARecord.class::isInstance)
        .map(SOARecord.class::cast)
        .findFirst()
        .map(soa -> bounded(Math.min(soa.getTTL(), soa.getMinimum()), MOST_NEGATIVE_TTL))
        .orElse(Duration.ofMinutes(1));
  }

  private static Duration bounded(long ttlSeconds, Duration most) {
    Duration ttl = Duration.ofSeconds(ttlSeconds);
    if (ttl.compareTo(LEAST_TTL) < 0) {
      return LEAST_TTL;
    }
    return ttl.compareTo(most) > 0 ? most : ttl;
  }

  private void count(Outcome outcome) {
    outcomes.get(outcome).increment();
  }

  /** Questions and lookups since the start, by what came of them. */
  public Map<String, Long> outcomes() {
    Map<String, Long> counts = new HashMap<>();
    outcomes.forEach(
        (outcome, count) -> counts.put(outcome.name().toLowerCase(Locale.ROOT), count.sum()));
    return counts;
  }

  /** Addresses being asked for or waiting for their turn. */
  public int outstanding() {
    synchronized (lock) {
      return outstanding.size();
    }
  }

  /** Whether asking is paused because no server answers. */
  public boolean paused() {
    return paused;
  }
}
