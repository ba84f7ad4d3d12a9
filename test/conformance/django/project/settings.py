"""A Django project with django-prometheus, as NetBox sets it up, whose views application.ts has too."""
import os

SECRET_KEY = 'not a secret'
DEBUG = False
ALLOWED_HOSTS = ['*']
ROOT_URLCONF = 'project.urls'
USE_TZ = True
TIME_ZONE = 'UTC'
LOGGING_CONFIG = None
DEFAULT_AUTO_FIELD = 'django.db.models.AutoField'
INSTALLED_APPS = ['django_prometheus', 'project']
MIDDLEWARE = [
    'django_prometheus.middleware.PrometheusBeforeMiddleware',
    'django.middleware.common.CommonMiddleware',
    'project.middleware.login_required',
    'project.middleware.moved_pages',
    'django_prometheus.middleware.PrometheusAfterMiddleware',
]
TEMPLATES = [
    {
        'BACKEND': 'django.template.backends.django.DjangoTemplates',
        'DIRS': [os.path.join(os.path.dirname(os.path.dirname(__file__)), 'templates')],
    }
]


def database(port):
    return {
        'ENGINE': 'django_prometheus.db.backends.postgresql',
        'HOST': os.environ['DB_HOST'],
        'PORT': port,
        'USER': os.environ['DB_USER'],
        'PASSWORD': os.environ['DB_PASSWORD'],
        'NAME': os.environ['DB_NAME'],
        'CONN_MAX_AGE': None,
    }


# On the port of the second nobody listens.
DATABASES = {'default': database(os.environ['DB_PORT']), 'replica': database('1')}

CACHES = {
    'default': {
        'BACKEND': 'django_prometheus.cache.backends.redis.RedisCache',
        'LOCATION': os.environ['CACHE_URL'],
        'KEY_PREFIX': os.environ['CACHE_PREFIX'],
    },
    'nowhere': {
        'BACKEND': 'django_prometheus.cache.backends.redis.RedisCache',
        'LOCATION': 'redis://127.0.0.1:1',
    },
}

# A listener of its own, whose scrapes are not counted.
if 'METRICS_PORT' in os.environ:
    PROMETHEUS_METRICS_EXPORT_PORT = int(os.environ['METRICS_PORT'])
    PROMETHEUS_METRICS_EXPORT_ADDRESS = '127.0.0.1'

# It would ask the second database, too: views.py exports them for the first.
PROMETHEUS_EXPORT_MIGRATIONS = False
# What 2.3.0 and later do with it; 2.2 gives it to one family of three.
PROMETHEUS_LATENCY_BUCKETS = (
    0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 25.0, 50.0, 75.0, float('inf'),
)
