import org.codelibs.opensearch.runner.OpenSearchRunner;

/** One OpenSearch node; run by java's source launcher with the runner's jars. Arguments: folder, HTTP port, transport port. */
public final class OpenSearchServer {
  private OpenSearchServer() {}

  /** Runs until it is killed. */
  public static void main(String[] arguments) throws InterruptedException {
    OpenSearchRunner runner = new OpenSearchRunner();
    runner.onBuild(
        (number, settings) -> {
          settings.put("http.port", arguments[1]);
          settings.put("transport.port", arguments[2]);
          settings.put("network.host", "127.0.0.1");
          settings.put("cluster.routing.allocation.disk.threshold_enabled", "false");
        });
    runner.build(
        OpenSearchRunner.newConfigs().basePath(arguments[0]).numOfNode(1).clusterName("bianque-tests").useLogger());
    // The node's own threads keep no JVM alive.
    Thread.currentThread().join();
  }
}
