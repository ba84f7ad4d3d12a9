from django.db import models
from django_prometheus.models import ExportModelOperationsMixin


class Site(ExportModelOperationsMixin('project_site'), models.Model):
    id = models.AutoField(primary_key=True)
    name = models.CharField(max_length=100, unique=True)
