import { buildApp } from "./app.ts";
import { loadConfigOrExit } from "./config.ts";
import { createLogger } from "./logger.ts";
import { createMetricsServer, measureRequests } from "./metrics.ts";
import { listen } from "./server.ts";
import { shutDownOnSignals } from "./shutdown.ts";

const config = loadConfigOrExit();
const logger = await createLogger(config);

const app = buildApp(config, logger);
const metrics = createMetricsServer(config, logger, measureRequests(app));
shutDownOnSignals(app, metrics, config);

await listen(metrics, config.METRICS_PORT);
await listen(app, config.PORT);
