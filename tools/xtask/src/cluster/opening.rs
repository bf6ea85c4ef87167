//! Starts the cluster.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use config::Config;
use devcluster::{Error, PortClaim, PrometheusPrograms, ScrapeTarget};
use domain::{ServerUser, ServiceName};
use tokio::time::{Instant, sleep};

use crate::cluster::accounts::AccountError;
use crate::cluster::choice::Choice;
use crate::cluster::defaults;
use crate::cluster::environment::Environment;
use crate::cluster::folder;
use crate::cluster::menu;
use crate::cluster::observation::{self, ExporterLaunch, Observation};
use crate::cluster::plan::{self, Plan};
use crate::cluster::production::Production;
use crate::cluster::record::{Phase, shell_lines, write_whole};
use crate::cluster::service::{LaunchContext, Service};
use crate::cluster::supervisor::{Supervisor, TICK};
use crate::view::painter::Speaker;
use crate::view::stream::{Source, Stream};

/// It also creates the tables.
const ORDER_LIMIT: Duration = Duration::from_secs(90);
/// A worker whose predecessor was killed waits until the name is free again.
const OTHERS_LIMIT: Duration = Duration::from_secs(30);
/// Exit codes of a service that will never start: usage, configuration.
const PERMANENT_FAILURES: [i32; 2] = [2, 78];

/// Why the cluster does not start.
#[derive(Debug, thiserror::Error)]
pub enum OpeningError {
    /// The servers do not start, a file cannot be written, or no port is free.
    #[error(transparent)]
    Servers(#[from] Error),
    /// The services' users cannot be created.
    #[error("the services get no users of their own")]
    Accounts(#[from] AccountError),
    /// No worker is ready.
    #[error(
        "no cook is at work{words}. If other workers go by these names on the same servers, end those, or use other servers"
    )]
    NoCook {
        /// The last error of the last of them, after a colon.
        words: String,
    },
    /// A service does not start.
    #[error("{name} does not become ready{words}. Its log is '{}'", log.display())]
    Service {
        /// The service.
        name: &'static str,
        /// Its last error, after a colon.
        words: String,
        /// Its log.
        log: PathBuf,
    },
}

impl Supervisor {
    /// Starts servers and services, and waits until they are ready.
    ///
    /// # Errors
    /// A necessary part does not start. Parts that were started keep running: call `close`.
    pub async fn open(
        &mut self,
        config: &Config,
        config_path: Option<PathBuf>,
        programs: PathBuf,
    ) -> Result<(), OpeningError> {
        let prometheus =
            if self.options.observe { Some(observation::programs(self.console).await?) } else { None };
        let (guard, console, is_observed) = (&self.guard, self.console, self.options.observe);
        let servers = if self.options.like_production {
            let production = self.production.insert(Production::prepare(console).await?);
            let servers = self.servers.insert(production.servers(config, guard, is_observed, console).await?);
            production.admit(&programs, console).await?;
            self.variables = production.for_tools()?;
            servers
        } else {
            let choice = Choice { config, guard, is_observed, console };
            let servers = self.servers.insert(Box::pin(choice.make(&mut self.containers)).await?);
            servers.admit_services().await?;
            self.variables = defaults::variables(config, folder::STAFF_KEY.as_ref())?;
            servers
        };
        let environment = [servers.environment(), self.variables.clone()].concat();
        write_whole(folder::ENVIRONMENT, &shell_lines(&environment))
            .map_err(Error::file("write", folder::ENVIRONMENT))?;

        let order_port = self.choose_port("order service", ServiceName::Order)?;
        let tracking_port = self.choose_port("tracking service", ServiceName::Tracking)?;
        self.variables.extend(defaults::pages(config, order_port, tracking_port));
        let mut plans = plan::restaurant(order_port, tracking_port);
        if let Some(production) = &self.production {
            production.arrange(&mut plans)?;
        }
        if self.options.observe || self.options.like_production {
            self.choose_admin_ports(&mut plans)?;
        }
        rotate_logs(&plans)?;
        let context = LaunchContext {
            programs: programs.clone(),
            config: config_path,
            bind: config.http.bind,
            guard: self.guard.clone(),
            console: self.console,
        };
        if self.options.shows_logs {
            let stream = Stream::new(sources(&plans), self.console);
            self.stream = Some(tokio::spawn(stream.show(true)));
        }

        let (first, others): (Vec<Plan>, Vec<Plan>) =
            plans.into_iter().partition(|plan| plan.service == ServiceName::Order);
        self.start_all(first, &context, ORDER_LIMIT).await?;
        let order_url = self.services.iter().find_map(Service::url).unwrap_or_default();
        if let Some(servers) = &self.servers {
            menu::provide(servers, &self.variables, &programs, &order_url, self.console).await;
        }
        self.start_all(others, &context, OTHERS_LIMIT).await?;
        self.expect_a_worker().await?;
        if self.options.observe || self.options.like_production {
            self.observe(prometheus.as_ref(), &context).await?;
        }
        self.enter(Phase::Open);
        Ok(())
    }

    /// The service's own port, or one near it if that is taken; none that is another service's.
    fn choose_port(&mut self, who: &str, service: ServiceName) -> Result<u16, Error> {
        let wished = service.port().unwrap_or_default();
        let others = ServiceName::ALL.into_iter().filter(|other| *other != service);
        let of_others: Vec<u16> = others.filter_map(ServiceName::port).collect();
        let claim = PortClaim::near(wished, &of_others).map_err(Error::NoPort)?;
        let port = claim.port();
        self.ports.push(claim);
        if port != wished {
            self.console.warn(&format!("port {wished} is taken; the {who} listens on {port}"));
        }
        Ok(port)
    }

    /// An admin port for each service, so that Prometheus can ask it.
    fn choose_admin_ports(&mut self, plans: &mut [Plan]) -> Result<(), Error> {
        for plan in plans {
            let claim = PortClaim::of(0).map_err(Error::NoPort)?;
            plan.admin_port = claim.port();
            self.ports.push(claim);
        }
        Ok(())
    }

    /// Starts what watches the services.
    async fn observe(
        &mut self,
        prometheus: Option<&PrometheusPrograms>,
        context: &LaunchContext,
    ) -> Result<(), Error> {
        let Some(servers) = &self.servers else { return Ok(()) };
        let (environment, group) = if let Some(production) = &self.production {
            production.of_exporter()?
        } else {
            let own = servers.environment_of(ServerUser::Exporter);
            (Environment::inherited([own, self.variables.clone()].concat()), None)
        };
        let exporter = ExporterLaunch {
            programs: context.programs.clone(),
            config: context.config.clone(),
            environment,
            group,
            guard: self.guard.clone(),
        };
        let target = |job, name: &str, port| ScrapeTarget { job, name: name.to_owned(), port };
        let plans = self.services.iter().map(|service| &service.plan);
        let mut targets: Vec<_> =
            plans.map(|plan| target(observation::JOB, plan.name, plan.admin_port)).collect();
        let rabbitmq = servers.rabbitmq_metrics_port();
        targets.extend(rabbitmq.map(|port| target("rabbitmq", "rabbitmq", port)));
        let postgres = servers.private_postgres();
        let observation = Observation::start(exporter, prometheus, targets, postgres, self.console).await?;
        if let Some(url) = observation.url() {
            self.console.done(&format!("Prometheus watches them on {url}"));
        }
        self.observation = Some(observation);
        Ok(())
    }

    /// Starts services in parallel, and waits for all of them. A slow one only causes a warning,
    /// except the order service, without which nothing works.
    async fn start_all(
        &mut self,
        plans: Vec<Plan>,
        context: &LaunchContext,
        limit: Duration,
    ) -> Result<(), OpeningError> {
        let start = Instant::now();
        if let Some(servers) = &self.servers {
            for plan in plans {
                let (environment, group) = if let Some(production) = &self.production {
                    production.launch_settings(&plan)?
                } else {
                    let own = servers.environment_of(plan.service.into());
                    (Environment::inherited([own, self.variables.clone()].concat()), None)
                };
                self.services.push(Service::new(plan, environment, group, context.clone()));
            }
        }
        while !self.services.iter().all(|service| service.is_announced) {
            if start.elapsed() > limit {
                return self.give_up();
            }
            self.report_permanent_failures()?;
            self.watch_services().await;
            self.enter(Phase::Opening);
            for service in &mut self.services {
                if !service.is_announced && service.is_ready().await {
                    service.is_announced = true;
                    let place = service.url().map(|url| format!(" on {url}")).unwrap_or_default();
                    let (name, seconds) = (service.plan.name, start.elapsed().as_secs_f32());
                    self.console.done(&format!("{name} is ready{place} ({seconds:.1} s)"));
                }
            }
            sleep(TICK).await;
        }
        Ok(())
    }

    /// Without a worker the cluster does not count as started.
    async fn expect_a_worker(&mut self) -> Result<(), OpeningError> {
        let mut words = String::new();
        for service in self.services.iter_mut().filter(|service| service.plan.service == ServiceName::Kitchen)
        {
            if service.is_ready().await {
                return Ok(());
            }
            if let Some(trouble) = service.trouble() {
                words = format!(": {trouble}");
            }
        }
        Err(OpeningError::NoCook { words })
    }

    fn report_permanent_failures(&mut self) -> Result<(), OpeningError> {
        for service in &mut self.services {
            let code = service.new_end().and_then(|status| status.code());
            if code.is_some_and(|code| PERMANENT_FAILURES.contains(&code)) {
                return Err(not_ready(service));
            }
        }
        Ok(())
    }

    fn give_up(&self) -> Result<(), OpeningError> {
        for service in self.services.iter().filter(|service| !service.is_announced) {
            let error = not_ready(service);
            if service.plan.service == ServiceName::Order {
                return Err(error);
            }
            self.console.warn(&format!("{error}. Going on without waiting for it"));
        }
        Ok(())
    }
}

/// Every run writes new logs. Those of the previous run are kept.
fn rotate_logs(plans: &[Plan]) -> Result<(), Error> {
    for path in plans.iter().map(|plan| folder::log(plan.name)).filter(|path| path.exists()) {
        let old = path.with_extension("previous.jsonl");
        fs::rename(&path, old).map_err(Error::file("write", path))?;
    }
    Ok(())
}

fn not_ready(service: &Service) -> OpeningError {
    let words = service.last_error().map(|words| format!(": {words}")).unwrap_or_default();
    OpeningError::Service { name: service.plan.name, words, log: service.log() }
}

/// The logs of these services. All subscribers print the same, so only the first counts as
/// original.
pub fn sources(plans: &[Plan]) -> Vec<Source> {
    let first = plans.iter().position(|plan| plan.service == ServiceName::Notifier);
    let of = |(index, plan): (usize, &Plan)| {
        let echo = plan.service == ServiceName::Notifier && Some(index) != first;
        Source::new(folder::log(plan.name), Speaker { name: plan.name, service: plan.service, echo })
    };
    plans.iter().enumerate().map(of).collect()
}
